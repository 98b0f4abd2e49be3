//! ZIP archives of stored files: no time stamps, the same bytes always.

/// CRC-32 of ISO 3309, as ZIP wants it.
fn crc(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256_u32).map(|i| (0..8).fold(i, |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })).collect();
    !bytes.iter().fold(!0, |c: u32, &b| c >> 8 ^ table[(c as u8 ^ b) as usize])
}

/// 1 January 1980, the first date there is.
const DATE: u16 = 1 << 5 | 1;

/// An archive of files by their paths (APPNOTE.TXT 4.3 of PKWARE); fewer than 2^16 files, less than 4 GiB.
pub(crate) fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (path, bytes) in files {
        let at = out.len() as u32;
        let mut common = Vec::new();
        // Version 2.0 is needed, no flags, stored, time, date.
        for v in [20, 0, 0, 0, DATE] {
            common.extend(u16::to_le_bytes(v));
        }
        for v in [crc(bytes), bytes.len() as u32, bytes.len() as u32] {
            common.extend(v.to_le_bytes());
        }
        common.extend((path.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(path.as_bytes());
        out.extend(bytes);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        // Comment, disk, attributes.
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(path.as_bytes());
    }
    let (at, count) = (out.len() as u32, (files.len() as u16).to_le_bytes());
    out.extend(&directory);
    out.extend(b"PK\x05\x06\x00\x00\x00\x00");
    out.extend([count, count].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0; 2]);
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_of_the_standard() {
        assert_eq!(super::crc(b"123456789"), 0xcbf4_3926);
    }
}
