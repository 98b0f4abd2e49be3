//! Which targets this computer runs, best first.

/// Name of the best target this computer runs.
pub fn name() -> Option<&'static str> {
    NAMES.iter().copied().find(|n| runs(n))
}

#[cfg(target_arch = "x86_64")]
const NAMES: &[&str] = &["x86_64-v4", "x86_64", "x86_64-v2"];
#[cfg(target_arch = "aarch64")]
const NAMES: &[&str] = &["aarch64-i8mm", "aarch64-dotprod", "aarch64"];
#[cfg(target_arch = "riscv64")]
const NAMES: &[&str] = &["riscv64gc"];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const NAMES: &[&str] = &[];

/// Whether code for target `name` runs on this computer.
#[cfg(target_arch = "x86_64")]
pub fn runs(name: &str) -> bool {
    use std::arch::is_x86_feature_detected as has;
    let v2 = has!("sse4.2") && has!("popcnt");
    let v3 = v2 && has!("avx2") && has!("fma") && has!("bmi1") && has!("bmi2") && has!("lzcnt");
    let v4 = v3 && has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") && has!("avx512vnni");
    match name {
        "x86_64-v2" => v2,
        "x86_64" => v3,
        "x86_64-v4" => v4,
        _ => false,
    }
}

/// Whether code for target `name` runs on this computer.
#[cfg(target_arch = "aarch64")]
pub fn runs(name: &str) -> bool {
    use std::arch::is_aarch64_feature_detected as has;
    match name {
        "aarch64" => true,
        "aarch64-dotprod" => has!("dotprod") && has!("lse"),
        "aarch64-i8mm" => has!("dotprod") && has!("lse") && has!("i8mm"),
        _ => false,
    }
}

/// Whether code for target `name` runs on this computer.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn runs(name: &str) -> bool {
    NAMES.contains(&name)
}
