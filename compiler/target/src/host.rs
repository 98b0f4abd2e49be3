//! Which targets this computer runs, best first: those whose CPUs must have nothing that this one has not.

use crate::Target;

/// The best target this computer runs.
pub fn best() -> Option<Target> {
    NAMES.iter().filter_map(|n| Target::by_name(n).ok()).find(runs)
}

/// Whether code for the target runs on this computer.
pub fn runs(target: &Target) -> bool {
    NAMES.contains(&target.name.as_str()) && target.requires.iter().all(|f| has(f))
}

#[cfg(target_arch = "x86_64")]
const NAMES: &[&str] = &["x86_64-v4", "x86_64", "x86_64-v2"];
#[cfg(target_arch = "aarch64")]
const NAMES: &[&str] = &["aarch64-i8mm", "aarch64-dotprod", "aarch64"];
#[cfg(target_arch = "riscv64")]
const NAMES: &[&str] = &["riscv64gc"];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const NAMES: &[&str] = &[];

/// Whether the CPU has a feature, by the names of `requires`; the standard library asks by names in the program's text alone.
#[cfg(target_arch = "x86_64")]
fn has(feature: &str) -> bool {
    use std::arch::is_x86_feature_detected as has;
    match feature {
        "ssse3" => has!("ssse3"),
        "sse4.1" => has!("sse4.1"),
        "sse4.2" => has!("sse4.2"),
        "popcnt" => has!("popcnt"),
        "avx" => has!("avx"),
        "avx2" => has!("avx2"),
        "bmi" => has!("bmi1"),
        "bmi2" => has!("bmi2"),
        "fma" => has!("fma"),
        "avx512f" => has!("avx512f"),
        "avx512bw" => has!("avx512bw"),
        "avx512cd" => has!("avx512cd"),
        "avx512dq" => has!("avx512dq"),
        "avx512vl" => has!("avx512vl"),
        "avx512vnni" => has!("avx512vnni"),
        _ => false,
    }
}

/// Whether the CPU has a feature, by the names of `requires`; the standard library asks by names in the program's text alone.
#[cfg(target_arch = "aarch64")]
fn has(feature: &str) -> bool {
    use std::arch::is_aarch64_feature_detected as has;
    match feature {
        "asimddp" => has!("dotprod"),
        "i8mm" => has!("i8mm"),
        _ => false,
    }
}

/// Nothing can be asked.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn has(_: &str) -> bool {
    false
}
