//! The usual main program: read buffers, call one function, write buffers.

use std::fmt::Write as _;

/// One buffer passed to the function under test, sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// Filled from the input file.
    Input(usize),
    /// Written to the output file after the call; set to 0xA5 before it, so that bytes the
    /// function leaves alone show.
    Output(usize),
    /// Filled from the input file, written to the output file after the call.
    InOut(usize),
    /// Neither; set to 0x5A before the call.
    Scratch(usize),
}

impl Argument {
    fn size(self) -> usize {
        let (Self::Input(n) | Self::Output(n) | Self::InOut(n) | Self::Scratch(n)) = self;
        n
    }
}

/// How the function takes its buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calling {
    /// `void name(void *a0, void *a1, ...)`.
    Separate,
    /// `void name(void *const *pointers)`, pointers in argument order.
    Array,
    /// As [`Calling::Separate`], returning `int32_t`; a value other than 0 ends the program with
    /// status 96.
    SeparateStatus,
}

/// C text of a main program that reads the input buffers in order from the input file, calls
/// `name` once between the markers, and writes the output buffers in order. Buffers are aligned
/// to 64 bytes and each is followed by 64 bytes that must not change: a write beyond the end ends
/// the program with status 95. If the input holds data for several calls, it makes several.
pub fn call_main(name: &str, calling: Calling, arguments: &[Argument]) -> String {
    let mut text = String::from(concat!(
        "#include \"emu.h\"\n",
        "static void fill(uint8_t *p, size_t n, uint8_t value) { while (n--) *p++ = value; }\n",
        "static void guard(const uint8_t *p) { for (int i = 0; i < 64; i++) if (p[i] != 0xC3) ",
        "{ emu_puts(\"write beyond a buffer\\n\"); emu_exit(95); } }\n",
    ));
    for (i, argument) in arguments.iter().enumerate() {
        let size = argument.size();
        let _ = writeln!(text, "static uint8_t b{i}[{size} + 64] __attribute__((aligned(64)));");
    }
    let result = if calling == Calling::SeparateStatus { "int32_t" } else { "void" };
    let list = |item: fn(usize) -> String| (0..arguments.len()).map(item).collect::<Vec<_>>().join(", ");
    let parameters = match calling {
        Calling::Array => "void *const *".to_owned(),
        _ if arguments.is_empty() => "void".to_owned(),
        _ => list(|_| "void *".to_owned()),
    };
    let buffers = list(|i| format!("b{i}"));
    let _ = writeln!(text, "{result} {name}({parameters});");
    text.push_str("int emu_main(void)\n{\n");
    if calling == Calling::Array {
        let _ = writeln!(text, "    static void *const pointers[] = {{ {buffers} }};");
    }
    text.push_str("    do {\n");
    for (i, argument) in arguments.iter().enumerate() {
        let size = argument.size();
        let _ = match argument {
            Argument::Input(_) | Argument::InOut(_) => {
                writeln!(text, "        emu_read(b{i}, {size});")
            }
            Argument::Output(_) => writeln!(text, "        fill(b{i}, {size}, 0xA5);"),
            Argument::Scratch(_) => writeln!(text, "        fill(b{i}, {size}, 0x5A);"),
        };
        let _ = writeln!(text, "        fill(b{i} + {size}, 64, 0xC3);");
    }
    let _ = match calling {
        Calling::Separate => {
            writeln!(text, "        emu_begin();\n        {name}({buffers});\n        emu_end();")
        }
        Calling::Array => {
            writeln!(text, "        emu_begin();\n        {name}(pointers);\n        emu_end();")
        }
        Calling::SeparateStatus => writeln!(
            text,
            "        emu_begin();\n        int32_t status = {name}({buffers});\n        emu_end();\n        \
             if (status != 0) return 96;"
        ),
    };
    for (i, argument) in arguments.iter().enumerate() {
        let size = argument.size();
        let _ = writeln!(text, "        guard(b{i} + {size});");
        if matches!(argument, Argument::Output(_) | Argument::InOut(_)) {
            let _ = writeln!(text, "        emu_write(b{i}, {size});");
        }
    }
    text.push_str("    } while (emu_left() != 0);\n    return 0;\n}\n");
    text
}
