//! The root of a CMSIS pack: `cmsis-pack/`, for a project by its path, or zipped as `mcompc.<name>.<version>.pack`.

use super::Form;
use crate::text::comment;
use crate::{File, archive, header};

/// The core as CMSIS writes it: `Cortex-M0+` for `cortex-m0plus`.
fn core(target: &str) -> Option<String> {
    let model = target.strip_prefix("cortex-m")?;
    Some(format!("Cortex-M{}", model.replace("plus", "+")))
}

/// Text inside XML.
fn xml(s: &str) -> String {
    comment(s).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) const FORM: Form = Form {
    name: "cmsis-pack",
    doc: "CMSIS pack",
    always: false,
    suits: |t| core(t).is_none().then_some("CMSIS packs are for Cortex-M"),
    files: |p, n| {
        let name = &n.prefix;
        let core = core(&p.target).unwrap_or_default();
        let pdsc = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <package schemaVersion=\"1.7.2\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema-instance\" xs:noNamespaceSchemaLocation=\"PACK.xsd\">\n  \
             <vendor>mcompc</vendor>\n  <name>{name}</name>\n  <description>Neural network {name} for {core}, integer arithmetic only</description>\n  \
             <url></url>\n  <releases>\n    <release version=\"{version}\">Model SHA-256 {hash}</release>\n  </releases>\n  \
             <conditions>\n    <condition id=\"core\">\n      <description>{core}</description>\n      <require Dcore=\"{core}\"/>\n    </condition>\n  </conditions>\n  \
             <components>\n    <component Cclass=\"Machine Learning\" Cgroup=\"mcompc\" Csub=\"{name}\" Cversion=\"{version}\" condition=\"core\">\n      \
             <description>Flash {flash} bytes, arena {arena} bytes</description>\n      <files>\n        \
             <file category=\"header\" name=\"include/{lib}.h\"/>\n        <file category=\"library\" name=\"lib/lib{lib}.a\"/>\n      \
             </files>\n    </component>\n  </components>\n</package>\n",
            version = xml(&p.version),
            hash = xml(&p.model_hash),
            flash = p.sizes.flash(),
            arena = p.arena_bytes,
            lib = p.name,
        );
        Ok(vec![
            File::new(format!("cmsis-pack/mcompc.{name}.pdsc"), pdsc),
            File::new(format!("cmsis-pack/include/{}.h", p.name), header::header(p, n)),
            File::new(format!("cmsis-pack/lib/lib{}.a", p.name), archive(&p.name, &p.object)?),
        ])
    },
};
