//! The objects of what is loaded: one, or those of an archive.

/// Size of a member's header: name, time, owner, group, mode, size, mark.
const HEADER: usize = 60;

/// The members of a static library in GNU's form, without its tables; or the bytes themselves where they are none.
pub(crate) fn members(bytes: &[u8]) -> Result<Vec<&[u8]>, String> {
    let Some(mut rest) = bytes.strip_prefix(b"!<arch>\n") else { return Ok(vec![bytes]) };
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (head, body) = rest.split_at_checked(HEADER).ok_or("an archive that is cut short")?;
        let size = std::str::from_utf8(&head[48..58]).ok().and_then(|s| s.trim_end().parse::<usize>().ok()).ok_or("a damaged archive")?;
        let (member, next) = body.split_at_checked(size).ok_or("an archive that is cut short")?;
        // `/` and `/SYM64/` are the symbol table, `//` the long names; other names begin with a slash only before a digit.
        let name = head[..16].trim_ascii_end();
        if !matches!(name, b"/" | b"//" | b"/SYM64/") {
            all.push(member);
        }
        // Members begin at even places.
        rest = next.get(size % 2..).unwrap_or_default();
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut out = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, bytes.len()).into_bytes();
        out.extend(bytes);
        out.extend(vec![b'\n'; bytes.len() % 2]);
        out
    }

    #[test]
    fn members_without_the_tables() {
        let all = [b"!<arch>\n".to_vec(), member("/", b"12345678"), member("//", b"x/\n"), member("/0", b"abc"), member("b.o/", b"de")];
        let all = all.concat();
        assert_eq!(members(&all).unwrap(), [&b"abc"[..], b"de"]);
        assert_eq!(members(b"\x7fELF").unwrap(), [b"\x7fELF"]);
        assert!(members(&all[..all.len() - 1]).is_err());
        assert!(members(&all[..100]).is_err());
    }
}
