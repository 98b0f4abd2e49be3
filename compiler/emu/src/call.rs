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
    /// status [`FAILED`].
    SeparateStatus,
    /// A model's entry function: as [`Calling::SeparateStatus`], with inputs and outputs at odd
    /// addresses, since they need no alignment.
    Entry {
        /// Writes the stack bytes the call used, as `uint32_t`, after the outputs.
        stack: bool,
    },
}

/// Status of a program whose function wrote outside its buffers.
pub const OVERRUN: i32 = 95;
/// Status of a program whose function returned another value than 0.
pub const FAILED: i32 = 96;

/// Bytes before and after each buffer that must keep their value.
const GUARD: usize = 256;

/// C text of a main program that reads the input buffers in order from the input file, calls
/// `name` once between the markers, and writes the output buffers in order. Buffers are aligned
/// to 64 bytes, and 256 bytes on either side must not change: a write there ends the program
/// with status [`OVERRUN`]. If the input holds data for several calls, it makes several.
pub fn call_main(name: &str, calling: Calling, arguments: &[Argument]) -> String {
    let entry = matches!(calling, Calling::Entry { .. });
    let stack = calling == Calling::Entry { stack: true };
    let mut text = String::from(concat!(
        "#include \"emu.h\"\n",
        "static void fill(uint8_t *p, size_t n, uint8_t value) { while (n--) *p++ = value; }\n",
        "static void guard(const uint8_t *p, size_t n) { while (n--) if (*p++ != 0xC3) ",
        "{ emu_puts(\"write outside a buffer\\n\"); emu_exit(95); } }\n",
    ));
    // First byte of a buffer in its array.
    let at = |argument: &Argument| GUARD + usize::from(entry && !matches!(argument, Argument::Scratch(_)));
    for (i, argument) in arguments.iter().enumerate() {
        let size = at(argument) + argument.size() + GUARD;
        let _ = writeln!(text, "static uint8_t a{i}[{size}] __attribute__((aligned(64)));");
        let _ = writeln!(text, "#define b{i} (a{i} + {})", at(argument));
    }
    let status = entry || calling == Calling::SeparateStatus;
    let result = if status { "int32_t" } else { "void" };
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
        let _ = writeln!(text, "        fill(a{i}, {}, 0xC3); fill(b{i} + {size}, {GUARD}, 0xC3);", at(argument));
    }
    if stack {
        text.push_str("        emu_stack_paint();\n");
    }
    text.push_str("        emu_begin();\n");
    let _ = match calling {
        Calling::Array => writeln!(text, "        {name}(pointers);"),
        _ if status => writeln!(text, "        int32_t status = {name}({buffers});"),
        _ => writeln!(text, "        {name}({buffers});"),
    };
    text.push_str("        emu_end();\n");
    if stack {
        text.push_str("        uint32_t used = emu_stack_used();\n");
    }
    if status {
        let _ = writeln!(text, "        if (status != 0) return {FAILED};");
    }
    for (i, argument) in arguments.iter().enumerate() {
        let size = argument.size();
        let _ = writeln!(text, "        guard(a{i}, {}); guard(b{i} + {size}, {GUARD});", at(argument));
        if matches!(argument, Argument::Output(_) | Argument::InOut(_)) {
            let _ = writeln!(text, "        emu_write(b{i}, {size});");
        }
    }
    if stack {
        text.push_str("        emu_write(&used, sizeof used);\n");
    }
    text.push_str("    } while (emu_left() != 0);\n    return 0;\n}\n");
    text
}
