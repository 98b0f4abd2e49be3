//! Tables that become a card a row where the page is narrow.

use crate::text::escape;
use std::fmt::Write;

/// A cell: text, or a drawing of ours.
pub(crate) enum Cell {
    Text(String),
    Drawn(String),
}

impl From<String> for Cell {
    fn from(s: String) -> Self {
        Self::Text(s)
    }
}

impl From<&str> for Cell {
    fn from(s: &str) -> Self {
        Self::Text(s.into())
    }
}

/// A table with a heading a column; one that starts with `#` is of numbers.
pub(crate) fn table(s: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<Cell>>) {
    let numeric: Vec<bool> = heads.iter().map(|h| h.starts_with('#')).collect();
    let class = |i: usize| if numeric.get(i) == Some(&true) { " class=\"n\"" } else { "" };
    let kind = match heads {
        ["", ""] => " class=\"pairs\"",
        _ if heads.len() > 3 => " class=\"wide\"",
        _ => "",
    };
    let _ = write!(s, "<table{kind}><tr>");
    for (i, h) in heads.iter().enumerate() {
        let _ = write!(s, "<th{}>{}", class(i), escape(h.trim_start_matches('#')));
    }
    s.push('\n');
    for row in rows {
        s.push_str("<tr>");
        for (i, cell) in row.iter().enumerate() {
            let label = heads.get(i).map_or("", |h| h.trim_start_matches('#'));
            let label = if label.is_empty() { String::new() } else { format!(" data-l=\"{}\"", escape(label)) };
            let _ = match cell {
                Cell::Text(t) => write!(s, "<td{}{label}>{}", class(i), escape(t)),
                Cell::Drawn(html) => write!(s, "<td{}{label}>{html}", class(i)),
            };
        }
        s.push('\n');
    }
    s.push_str("</table>\n");
}

/// Rows of a name and a value.
pub(crate) fn pairs(s: &mut String, rows: impl Iterator<Item = (String, String)>) {
    table(s, &["", ""], rows.map(|(a, b)| vec![a.into(), b.into()]));
}
