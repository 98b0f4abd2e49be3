//! Lists `targets/` and `targets/isa/` and embeds every description: a new CPU is a new folder, not an edit.

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    let var = |n: &str| env::var(n).map_err(io::Error::other);
    let root = Path::new(&var("CARGO_MANIFEST_DIR")?).join("../../targets").canonicalize()?;
    let mut out = String::new();
    embed(&mut out, "TARGETS", &root, "target.toml")?;
    embed(&mut out, "COSTS", &root, "cost.toml")?;
    embed(&mut out, "MACHINES", &root.join("isa"), "machine.toml")?;
    fs::write(Path::new(&var("OUT_DIR")?).join("targets.rs"), out)
}

/// Writes a table `(folder name, contents of file)` in name order, over the folders that hold such a file.
fn embed(out: &mut String, table: &str, dir: &Path, file: &str) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut names = fs::read_dir(dir)?.map(|e| e.map(|e| e.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    out.push_str(&format!("static {table}: &[(&str, &str)] = &[\n"));
    for name in names {
        let path = dir.join(&name).join(file);
        if path.is_file() {
            println!("cargo::rerun-if-changed={}", path.display());
            out.push_str(&format!("    ({:?}, {:?}),\n", name.to_string_lossy(), fs::read_to_string(&path)?));
        }
    }
    out.push_str("];\n");
    Ok(())
}
