//! A PlatformIO library: `platformio/<name>`, to be put into a project's `lib` folder, with any framework or none.

use super::Form;
use super::example::example;
use crate::text::comment;
use crate::{File, archive, header};

pub(super) const FORM: Form = Form {
    name: "platformio",
    doc: "PlatformIO library",
    always: false,
    suits: |_| None,
    files: |p, n| {
        let name = &n.prefix;
        let at = |f: &str| format!("platformio/{name}/{f}");
        // Names and versions are letters, digits, dots and dashes: no character of JSON among them.
        let manifest = format!(
            "{{\n  \"name\": \"{name}\",\n  \"version\": \"{}\",\n  \"description\": \"Neural network {name}, compiled for {}\",\n  \
             \"headers\": \"{lib}.h\",\n  \"frameworks\": \"*\",\n  \"platforms\": \"*\",\n  \
             \"build\": {{\n    \"includeDir\": \"include\",\n    \"srcDir\": \"src\",\n    \"extraScript\": \"link.py\"\n  }}\n}}\n",
            comment(&p.version),
            comment(&p.target),
            lib = p.name
        );
        let script = format!(
            "# The builder runs this in the library's folder.\nimport os\n\nImport(\"env\")\nenv.Append(LIBPATH=[os.path.realpath(\"archive\")], LIBS=[\"{}\"])\n",
            p.name
        );
        let e = example(p, n);
        let program = format!("/* Runs {name} once on zeros. */\n{}\nint main(void) {{\n    return (int){};\n}}\n", e.buffers, e.call);
        Ok(vec![
            File::new(at("library.json"), manifest),
            File::new(at("link.py"), script),
            File::new(at(&format!("include/{}.h", p.name)), header::header(p, n)),
            File::new(at(&format!("src/{name}_library.c")), format!("#include \"{}.h\"\n", p.name)),
            File::new(at(&format!("archive/lib{}.a", p.name)), archive(&p.name, &p.object)?),
            File::new(at("examples/once/main.c"), program),
        ])
    },
};
