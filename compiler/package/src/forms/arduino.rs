//! An Arduino library with precompiled code: `arduino/<name>`, to be put into the sketchbook's `libraries` folder. PlatformIO takes it too.

use super::Form;
use super::example::example;
use crate::text::comment;
use crate::{File, archive, header};

/// What boards call their processor: the folder in which the Arduino builder looks for the archive.
fn mcu(target: &str) -> &str {
    match target {
        "riscv32imc" => "esp32c3",
        "riscv32imac" => "esp32c6",
        other => other,
    }
}

pub(super) const FORM: Form = Form {
    name: "arduino",
    doc: "Arduino library",
    always: false,
    suits: |t| {
        (!t.starts_with("cortex-m") && !t.starts_with("riscv32"))
            .then_some("Arduino boards that link archives are Cortex-M and 32-bit RISC-V")
    },
    files: |p, n| {
        let name = &n.prefix;
        let at = |f: &str| format!("arduino/{name}/{f}");
        let properties = format!(
            "name={name}\nversion={}\nauthor=mcompc\nmaintainer=mcompc\nsentence=Neural network {name}, compiled for {}.\n\
             paragraph=Integer arithmetic only; {} bytes of flash, {} of RAM for its arena.\ncategory=Data Processing\nurl=\n\
             architectures=*\nincludes={}.h\nprecompiled=true\nldflags=-l{}\n",
            comment(&p.version),
            comment(&p.target),
            p.sizes.flash(),
            p.arena_bytes,
            p.name,
            p.name
        );
        let e = example(p, n);
        let sketch = format!(
            "// Runs {name} once a second on zeros: fill the inputs with what your sensor says.\n{}\n\
             void setup() {{\n  Serial.begin(115200);\n}}\n\nvoid loop() {{\n  unsigned long start = micros();\n  int32_t error = {};\n  \
             Serial.print(error ? \"failed, us: \" : \"us: \");\n  Serial.println(micros() - start);\n  delay(1000);\n}}\n",
            e.buffers, e.call
        );
        let mut files = vec![
            File::new(at("library.properties"), properties),
            File::new(at(&format!("src/{}.h", p.name)), header::header(p, n)),
            File::new(at(&format!("src/{}/lib{}.a", mcu(&p.target), p.name)), archive(&p.name, &p.object)?),
            File::new(at("examples/once_a_second/once_a_second.ino"), sketch),
        ];
        // Builders of early versions take a library without a source for one of headers only, and do not link it.
        files.push(File::new(at(&format!("src/{name}_library.cpp")), format!("#include \"{}.h\"\n", p.name)));
        Ok(files)
    },
};
