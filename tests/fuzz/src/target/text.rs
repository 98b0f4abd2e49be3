//! Text forms: what parses prints, and parses again to the same text.

use bytes::Bytes;
use mcompc_kernel::testing::{Vocabulary, random_module};

use super::{kind, model};

/// Texts of small models.
pub fn graphs() -> Vec<Vec<u8>> {
    model::small()
        .into_iter()
        .filter_map(|bytes| mcompc_onnx::import_bytes(Bytes::from(bytes), &model::options()).ok())
        .map(|graph| mcompc_ir::print(&graph).into_bytes())
        .filter(|text| text.len() as u64 <= model::LONGEST_SEED)
        .collect()
}

/// The graph's text form. Its errors need no hint: it is a developer's format, the message names the line.
pub fn graph(bytes: &[u8]) -> Result<String, String> {
    match mcompc_ir::parse(&String::from_utf8_lossy(bytes)) {
        Ok(graph) => {
            let printed = mcompc_ir::print(&graph);
            let again = mcompc_ir::parse(&printed).map_err(|e| format!("what was printed does not parse: {e}"))?;
            if mcompc_ir::print(&again) != printed {
                return Err("printing twice gives two texts".to_owned());
            }
            Ok(format!("a graph, verified {}", mcompc_ir::verify(&graph).is_ok()))
        }
        Err(error) => Ok(kind(&error)),
    }
}

/// Texts of random modules.
pub fn kernels() -> Vec<Vec<u8>> {
    let vocabulary = Vocabulary::up_to(16, &[]);
    (0..40).map(|seed| mcompc_kernel::print(&random_module(seed, &vocabulary, 20)).into_bytes()).collect()
}

/// The kernel level's text form and its verifier.
pub fn kernel(bytes: &[u8]) -> Result<String, String> {
    let module = match mcompc_kernel::parse(&String::from_utf8_lossy(bytes)) {
        Ok(module) => module,
        Err(error) => return Ok(kind(&error)),
    };
    let verified = match mcompc_kernel::verify(&module) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => kind(&error),
    };
    if mcompc_kernel::structure(&module).is_ok() {
        let printed = mcompc_kernel::print(&module);
        let again = mcompc_kernel::parse(&printed).map_err(|e| format!("what was printed does not parse: {e}"))?;
        if mcompc_kernel::print(&again) != printed {
            return Err("printing twice gives two texts".to_owned());
        }
    }
    Ok(format!("a module, {verified}"))
}
