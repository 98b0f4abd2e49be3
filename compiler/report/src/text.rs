//! Numbers for people.

/// Bytes: exact below 10 KiB, else with one digit in KiB or MiB.
pub fn bytes(n: u64) -> String {
    match n {
        0..10_240 => format!("{n} B"),
        10_240..1_048_576 => format!("{:.1} KiB", n as f64 / 1024.0),
        _ => format!("{:.1} MiB", n as f64 / 1_048_576.0),
    }
}

/// A count with a decimal prefix.
pub fn count(n: u64) -> String {
    match n {
        0..10_000 => format!("{n}"),
        10_000..1_000_000 => format!("{:.1} k", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} M", n as f64 / 1e6),
        _ => format!("{:.2} G", n as f64 / 1e9),
    }
}

/// Free text inside HTML or SVG.
pub(crate) fn escape(s: &str) -> String {
    s.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Dimensions, `1×49×10`.
pub(crate) fn shape(dims: &[usize]) -> String {
    dims.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// A real with four significant digits.
pub(crate) fn real(v: f64) -> String {
    // Zero points, and scales of raw inputs, are whole.
    if v.fract() == 0.0 && v.abs() < 1e4 {
        return format!("{}", v as i64);
    }
    let digits = 3 - libm::log10(v.abs()).floor() as i32;
    if (0..=9).contains(&digits) { format!("{v:.*}", digits as usize) } else { format!("{v:.3e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable() {
        assert_eq!((bytes(10_239), bytes(10_240), bytes(3_500_000)), ("10239 B".into(), "10.0 KiB".into(), "3.3 MiB".into()));
        assert_eq!((count(9_999), count(2_656_000), count(300_780_000_000)), ("9999".into(), "2.66 M".into(), "300.78 G".into()));
        assert_eq!((real(0.00390625), real(1234.56), real(1e-7)), ("0.003906".into(), "1235".into(), "1.000e-7".into()));
        assert_eq!(escape("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
    }
}
