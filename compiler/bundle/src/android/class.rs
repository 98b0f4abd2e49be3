//! The class of a model: compiled once as a template, under the model's names here. `java/Template.java` is its source; a test compiles it
//! again and compares.

use crate::{class_name, internal};
use mcompc_ir::Result;

const SOURCE: &str = include_str!("../../java/Template.java");
const CLASSES: [(&str, &[u8]); 2] =
    [("", include_bytes!("../../java/Template.class")), ("$Tensor", include_bytes!("../../java/Template$Tensor.class"))];

/// Names of a model's class.
pub(crate) struct Class {
    /// Simple name.
    pub(crate) name: String,
    /// Its package.
    pub(crate) package: String,
    /// What `System.loadLibrary` is given.
    load: String,
}

impl Class {
    /// For a symbol prefix.
    pub(crate) fn of(prefix: &str) -> Self {
        let name = class_name(prefix);
        Self { package: format!("mcompc.{}", name.to_ascii_lowercase()), load: format!("mcompc_{prefix}"), name }
    }

    /// File name of its library.
    pub(crate) fn library(&self) -> String {
        format!("lib{}.so", self.load)
    }

    /// Symbol of a native method (JNI specification, chapter 2, resolving native method names). Names are letters, digits and underscores.
    pub(crate) fn symbol(&self, method: &str) -> String {
        let mangled = |s: &str| s.replace('_', "_1").replace('.', "_");
        format!("Java_{}_{}_{}", mangled(&self.package), mangled(&self.name), mangled(method))
    }

    /// Java text.
    pub(crate) fn source(&self) -> String {
        let s = SOURCE.replace("package mcompc.template;", &format!("package {};", self.package));
        s.replace("TEMPLATE_LIBRARY", &self.load).replace("Template", &self.name)
    }

    /// Contents of `classes.jar`.
    ///
    /// # Errors
    /// E009 for a template that is no class file.
    pub(crate) fn classes(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let folder = self.package.replace('.', "/");
        let own = format!("{folder}/{}", self.name);
        let new = |s: &str| s.replace("mcompc/template/Template", &own).replace("TEMPLATE_LIBRARY", &self.load);
        let one = |(end, bytes): &(&str, &[u8])| {
            let class = renamed(bytes, &new).ok_or_else(|| internal("the template is no class file"))?;
            Ok((format!("{own}{end}.class"), class))
        };
        let mut files = vec![("META-INF/MANIFEST.MF".to_owned(), b"Manifest-Version: 1.0\n\n".to_vec())];
        files.extend(CLASSES.iter().map(one).collect::<Result<Vec<_>>>()?);
        Ok(files)
    }
}

/// A class file with other strings in its constant pool (JVM specification, 4.4).
fn renamed(class: &[u8], new: &dyn Fn(&str) -> String) -> Option<Vec<u8>> {
    let half = |at: usize| Some(u16::from_be_bytes([*class.get(at)?, *class.get(at + 1)?]) as usize);
    let (mut out, mut at, mut index) = (class.get(..10)?.to_vec(), 10, 1);
    let count = half(8)?;
    while index < count {
        let tag = *class.get(at)?;
        let size = match tag {
            1 => 3 + half(at + 1)?,
            3 | 4 | 9..=12 | 17 | 18 => 5,
            5 | 6 => 9,
            7 | 8 | 16 | 19 | 20 => 3,
            15 => 4,
            _ => return None,
        };
        let entry = class.get(at..at + size)?;
        // The template's strings are ASCII, of which UTF-8 is what Java writes too.
        match std::str::from_utf8(&entry[3.min(size)..]) {
            Ok(text) if tag == 1 => {
                let text = new(text);
                out.push(1);
                out.extend(u16::try_from(text.len()).ok()?.to_be_bytes());
                out.extend(text.as_bytes());
            }
            _ => out.extend(entry),
        }
        // Numbers of 64 bits take two places.
        index += if matches!(tag, 5 | 6) { 2 } else { 1 };
        at += size;
    }
    out.extend(class.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_classes_and_symbols() {
        let names = |p: &str| {
            let c = Class::of(p);
            (c.name.clone(), c.package.clone(), c.library(), c.symbol("run_it"))
        };
        let want = ["DigitsModel", "mcompc.digitsmodel", "libmcompc_digits.so", "Java_mcompc_digitsmodel_DigitsModel_run_1it"];
        assert_eq!(names("digits"), (want[0].into(), want[1].into(), want[2].into(), want[3].into()));
        assert_eq!(names("int_model").0, "IntModel");
        assert_eq!(names("mobilenet_v2_1").0, "MobilenetV21Model");
    }

    #[test]
    fn nothing_of_the_template_is_left() {
        let class = Class::of("digits");
        for (path, bytes) in class.classes().unwrap() {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("emplate") && !text.contains("TEMPLATE"), "{path}");
        }
        assert!(!class.source().contains("emplate"));
    }
}
