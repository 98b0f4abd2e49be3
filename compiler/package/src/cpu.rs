//! What the code asks of the CPU, and whether the one at hand has it: code that runs where it must not ends with an illegal instruction.

use crate::{Names, PackageInput};
use mcompc_ir::{Code, Error, Result};

/// Features of an Arm CPU: name, word of the auxiliary vector and bit in it (Linux), name of the system's answer (Apple).
const ARM: &[(&str, u32, u32, &str)] = &[
    ("neon", 16, 12, "hw.optional.neon"),
    ("asimddp", 16, 20, "hw.optional.arm.FEAT_DotProd"),
    ("i8mm", 26, 13, "hw.optional.arm.FEAT_I8MM"),
];

/// Features of an x86 CPU: name, which of the words [leaf 1 ecx, leaf 7 ebx, leaf 7 ecx] of CPUID says so, bit in it, and the bits of XCR0 by
/// which the system says that it saves the registers. Intel 64 manual, volume 1, 14.3 and 15.2 to 15.4.
const X86: &[(&str, usize, u32, u32)] = &[
    ("ssse3", 0, 9, 0),
    ("fma", 0, 12, 6),
    ("sse4.1", 0, 19, 0),
    ("sse4.2", 0, 20, 0),
    ("popcnt", 0, 23, 0),
    ("avx", 0, 28, 6),
    ("bmi", 1, 3, 0),
    ("avx2", 1, 5, 6),
    ("bmi2", 1, 8, 0),
    ("avx512f", 1, 16, 0xe6),
    ("avx512dq", 1, 17, 0xe6),
    ("avx512cd", 1, 28, 0xe6),
    ("avx512bw", 1, 30, 0xe6),
    ("avx512vl", 1, 31, 0xe6),
    ("avx512vnni", 2, 11, 0xe6),
];

/// What a dispatcher compares: for x86-64 the words leaf 1 ecx, leaf 7 ebx, leaf 7 ecx and XCR0, elsewhere AT_HWCAP and AT_HWCAP2, with the
/// bits set that a CPU with `features` has.
///
/// # Errors
/// E009 for a feature that no table has.
pub fn feature_masks(arch: &str, features: &[String]) -> Result<Vec<u32>> {
    let mut words = vec![0; if arch == "x86_64" { 4 } else { 2 }];
    for f in features {
        let unknown = || Error::new(Code::Internal, format!("nobody knows how to ask for the CPU's feature `{f}`"));
        if arch == "x86_64" {
            let (_, word, bit, saved) = X86.iter().find(|x| x.0 == f).ok_or_else(unknown)?;
            words[*word] |= 1 << bit;
            words[3] |= saved;
            if *saved != 0 {
                // OSXSAVE: XCR0 can be read.
                words[0] |= 1 << 27;
            }
        } else {
            let (_, word, bit, _) = ARM.iter().find(|x| x.0 == f).ok_or_else(unknown)?;
            words[usize::from(*word == 26)] |= 1 << bit;
        }
    }
    Ok(words)
}

/// The header's part: a macro with the names, and a function that asks.
pub(crate) fn c(p: &PackageInput, n: &Names) -> String {
    let (pre, up) = (&n.prefix, &n.upper);
    let arm = !p.requires.is_empty() && p.variants.is_empty() && p.arch != "x86_64";
    let includes = if arm {
        "#if defined(__linux__)\n#include <sys/auxv.h>\n#elif defined(__APPLE__) && defined(__aarch64__)\n#include <sys/sysctl.h>\n#endif\n"
    } else {
        ""
    };
    let without = if p.variants.is_empty() { "ends with an illegal instruction" } else { "returns -3" };
    let head = format!(
        "\n{includes}/* What the CPU must have beyond {}. */\n#define {up}_REQUIRES \"{}\"\n\
         /* Whether the CPU that runs this has it, as far as it can be asked; on one without it {pre}_run {without}. */\n\
         static inline int {pre}_supported(void) {{\n",
        p.arch,
        p.requires.join(" ")
    );
    let asked = match p.arch.as_str() {
        _ if !p.variants.is_empty() => format!("    return *{pre}_variant() != 0;\n"),
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
                 #elif defined(__APPLE__) && defined(__aarch64__)\n    \
                 int has = 0;\n    size_t size;\n{}    return 1;\n#else\n    return 1; /* who links this without a system knows the CPU; Apple's others have what they need */\n#endif\n",
                linux.join(" & "),
                apple.concat()
            )
        }
    };
    format!("{head}{asked}}}\n")
}
