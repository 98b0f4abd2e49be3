//! Two results, byte by byte.

/// Where two results differ.
pub(crate) fn bytes_differ(want: &[u8], have: &[u8]) -> Option<String> {
    if want == have {
        return None;
    }
    if want.len() != have.len() {
        return Some(format!("{} bytes, {} expected", have.len(), want.len()));
    }
    let wrong: Vec<usize> = (0..want.len()).filter(|&i| want[i] != have[i]).collect();
    let at = wrong.first().copied().unwrap_or(0);
    Some(format!("byte {at} is {} in place of {}; {} of {} differ", have[at] as i8, want[at] as i8, wrong.len(), want.len()))
}
