//! What the code asks of the CPU, and whether the one at hand has it: code that runs where it must not ends with an illegal instruction.

use crate::{Names, PackageInput};

/// Features of an Arm CPU: name, word of the auxiliary vector and bit in it (Linux), name of the system's answer (Apple).
const ARM: &[(&str, u32, u32, &str)] =
    &[("asimddp", 16, 20, "hw.optional.arm.FEAT_DotProd"), ("i8mm", 26, 13, "hw.optional.arm.FEAT_I8MM")];

/// The header's part: a macro with the names, and a function that asks.
pub(crate) fn c(p: &PackageInput, n: &Names) -> String {
    let (pre, up) = (&n.prefix, &n.upper);
    let arm = !p.requires.is_empty() && p.arch != "x86_64";
    let includes =
        if arm { "#if defined(__linux__)\n#include <sys/auxv.h>\n#elif defined(__APPLE__)\n#include <sys/sysctl.h>\n#endif\n" } else { "" };
    let head = format!(
        "\n{includes}/* What the CPU must have beyond {}. */\n#define {up}_REQUIRES \"{}\"\n\
         /* Whether the CPU that runs this has it, as far as it can be asked; on one without it {pre}_run ends with an illegal instruction. */\n\
         static inline int {pre}_supported(void) {{\n",
        p.arch,
        p.requires.join(" ")
    );
    let asked = match p.arch.as_str() {
        _ if p.requires.is_empty() => "    return 1;\n".into(),
        "x86_64" => {
            let all: Vec<String> = p.requires.iter().map(|f| format!("__builtin_cpu_supports(\"{f}\")")).collect();
            format!(
                "#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))\n    __builtin_cpu_init();\n    return {};\n#else\n    return 0;\n#endif\n",
                all.join("\n        && ")
            )
        }
        _ => {
            let known: Vec<_> = ARM.iter().filter(|a| p.requires.iter().any(|r| r == a.0)).collect();
            let linux: Vec<String> = known.iter().map(|(_, word, bit, _)| format!("(getauxval({word}) >> {bit} & 1)")).collect();
            let apple: Vec<String> = known
                .iter()
                .map(|(.., name)| {
                    format!("    size = sizeof has;\n    if (sysctlbyname(\"{name}\", &has, &size, 0, 0) != 0 || !has) return 0;\n")
                })
                .collect();
            format!(
                "#if defined(__linux__)\n    return (int){};\n\
                 #elif defined(__APPLE__)\n    \
                 int has = 0;\n    size_t size;\n{}    return 1;\n#else\n    return 1; /* who links this without a system knows the CPU */\n#endif\n",
                linux.join(" & "),
                apple.concat()
            )
        }
    };
    format!("{head}{asked}}}\n")
}
