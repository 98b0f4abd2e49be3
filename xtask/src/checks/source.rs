//! Rust text as checks read it.

/// The text without comments, strings' contents, and the tests at its end; lines stay.
pub fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                for c in chars.by_ref() {
                    if c == '\n' {
                        out.push(c);
                        break;
                    }
                }
            }
            // Not the character literal of a quotation mark.
            '"' if !out.ends_with('\'') => {
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => out.extend(chars.next().filter(|&c| c == '\n')),
                        '"' => break,
                        '\n' => out.push(c),
                        _ => {}
                    }
                }
                out.push_str("\"\"");
            }
            c => out.push(c),
        }
    }
    out
}
