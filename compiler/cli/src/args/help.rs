//! `--help`, from the rows.

use super::near::nearest;
use super::row::Command;
use super::table::{COMMANDS, GROUPS, TABLES};
use mcompc_ir::{Code, Error, Result};
use std::fmt::Write;

/// Columns of a text.
const WIDTH: usize = 100;

/// One line that shows what a command takes.
pub(crate) fn usage(c: &Command) -> String {
    let mut s = format!("usage: mcompc {}", c.name);
    for row in c.rows().filter(|r| r.is_operand() || r.required) {
        let _ = write!(
            s,
            " {}",
            if row.is_operand() { row.value.into() } else { row.form().rsplit(", ").next().unwrap_or_default().to_owned() }
        );
    }
    if c.rows().any(|r| !r.is_operand() && !r.required) {
        s.push_str(" [FLAGS]");
    }
    s
}

/// The commands.
pub(crate) fn all() -> String {
    let mut s = String::from(
        "Ahead-of-time compiler: a trained ONNX model in, a small integer-only native library out.\n\n\
         `mcompc MODEL ...` is short for `mcompc compile MODEL ...`.\n\nCommands:\n",
    );
    columns(&mut s, TABLES.words().map(|(a, b)| (a.to_owned(), b.to_owned())));
    s.push_str("\n`mcompc help COMMAND` lists a command's flags; -V prints the version.\n");
    s
}

/// The error for a name that no command has.
pub(crate) fn no_command(name: &str) -> Error {
    let e = Error::new(Code::Usage, format!("there is no command `mcompc {name}`"));
    match nearest(name, COMMANDS.iter().map(|c| c.name)) {
        Some(near) => e.hint(format!("did you mean `mcompc {near}`?")),
        None => e.hint("`mcompc help` lists the commands"),
    }
}

/// A command, or a group of them.
///
/// # Errors
/// E002 for a name that is neither.
pub(crate) fn of(name: &str) -> Result<String> {
    if name.is_empty() {
        return Ok(all());
    }
    if let Some((group, about)) = GROUPS.iter().find(|(group, _)| *group == name) {
        let mut s = format!("{about}.\n\nCommands:\n");
        columns(&mut s, TABLES.members(group).map(|c| (c.name.to_owned(), c.about.to_owned())));
        return Ok(s);
    }
    let c = COMMANDS.iter().find(|c| c.name == name).ok_or_else(|| no_command(name))?;
    let mut s = format!("{}.\n\n{}\n", c.about, usage(c));
    let rows = c.rows().map(|r| {
        let default = if r.default.is_empty() { String::new() } else { format!(" [default: {}]", r.default) };
        (r.form(), r.meaning() + &default)
    });
    s.push('\n');
    columns(&mut s, rows);
    Ok(s)
}

/// Two columns; a long word on the left has a line of its own.
fn columns(s: &mut String, rows: impl Iterator<Item = (String, String)>) {
    let rows: Vec<_> = rows.collect();
    let left = rows.iter().map(|(a, _)| a.len()).filter(|n| *n <= 26).max().unwrap_or(0) + 4;
    for (a, b) in rows {
        let mut line = format!("  {a}");
        if line.len() + 2 > left {
            let _ = writeln!(s, "{line}");
            line.clear();
        }
        let _ = write!(line, "{}", " ".repeat(left - line.len()));
        for word in b.split_whitespace() {
            if line.chars().count() + word.chars().count() >= WIDTH {
                let _ = writeln!(s, "{}", line.trim_end());
                line = " ".repeat(left);
            }
            let _ = write!(line, "{word} ");
        }
        let _ = writeln!(s, "{}", line.trim_end());
    }
}
