//! From words to a command and its values.

use super::given::Given;
use super::help::{self, no_command};
use super::near::nearest;
use super::row::{Command, Row};
use super::table::{COMMANDS, GROUPS};
use mcompc_ir::{Code, Error, Result};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What a command line asks for.
pub(crate) enum Line {
    /// A command.
    Run(&'static Command, Box<Given>),
    /// A text to print, and nothing else.
    Print(String),
}

fn usage(what: String) -> Error {
    Error::new(Code::Usage, what)
}

/// Reads the words behind the program's name.
///
/// # Errors
/// E002 for words that are no command line; those of the rows for values.
pub(crate) fn parse(words: &[OsString]) -> Result<Line> {
    let first = words.first().and_then(|w| w.to_str()).unwrap_or_default();
    match first {
        _ if words.is_empty() => return Err(usage("there is nothing to do".into()).hint("give a model, or see `mcompc help`")),
        "-V" | "--version" => return Ok(Line::Print(format!("mcompc {}\n", mcompc_driver::VERSION))),
        "-h" | "--help" => return Ok(Line::Print(help::all())),
        "help" => {
            let name: Vec<_> = words[1..].iter().map(|w| w.to_string_lossy()).collect();
            return help::of(&name.join(" ")).map(Line::Print);
        }
        _ => {}
    }
    if GROUPS.iter().any(|(name, _)| *name == first) {
        let second = words.get(1).map(|w| w.to_string_lossy()).unwrap_or_default();
        let name = format!("{first} {second}");
        return match COMMANDS.iter().find(|c| c.name == name) {
            Some(command) => values(command, &words[2..]),
            None if matches!(&*second, "" | "-h" | "--help") => help::of(first).map(Line::Print),
            None => Err(no_command(&name)),
        };
    }
    match COMMANDS.iter().find(|c| c.name == first) {
        Some(command) => values(command, &words[1..]),
        None => values(&COMMANDS[0], words).map_err(|e| match nearest(first, COMMANDS.iter().map(|c| c.name)) {
            // A slip in a command's name makes it a model, and the error another one.
            Some(near) if e.code == Code::Usage => {
                let hint = format!("`{first}` was taken for a model: did you mean `mcompc {near}`?");
                Error { hint: Some(hint), general: false, ..e }
            }
            _ => e,
        }),
    }
}

/// Whether a word is a flag: a dash and something that is no number.
fn is_flag(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    bytes.first() == Some(&b'-') && bytes.get(1).is_some_and(|b| !b.is_ascii_digit())
}

/// The flag of a word, and the value that hangs on it: `--name=value`, `-Xvalue`.
fn flag<'a>(command: &'static Command, word: &'a str) -> Result<(&'static Row, Option<&'a str>)> {
    let (found, value) = match word.strip_prefix("--") {
        Some(rest) => {
            let (name, value) = rest.split_once('=').map_or((rest, None), |(n, v)| (n, Some(v)));
            (command.rows().find(|r| !r.long.is_empty() && r.long == name), value)
        }
        None => {
            let mut rest = word.chars();
            let name = rest.nth(1);
            let value = rest.as_str();
            let value = value.strip_prefix('=').unwrap_or(value);
            (command.rows().find(|r| r.short.is_some() && r.short == name), (!value.is_empty()).then_some(value))
        }
    };
    let Some(row) = found else {
        let name = word.split('=').next().unwrap_or_default();
        let e = usage(format!("`mcompc {}` has no flag {name}", command.name));
        let all: Vec<&str> = command.rows().map(|r| r.long).filter(|l| !l.is_empty()).collect();
        let elsewhere = COMMANDS.iter().find(|c| c.rows().any(|r| !r.long.is_empty() && word.strip_prefix("--") == Some(r.long)));
        return Err(match (nearest(name.trim_start_matches('-'), all), elsewhere) {
            (Some(near), _) => e.hint(format!("did you mean --{near}?")),
            (None, Some(c)) => e.hint(format!("it is one of `mcompc {}`", c.name)),
            (None, None) => e.hint(format!("`mcompc help {}` lists the flags", command.name)),
        });
    };
    Ok((row, value))
}

/// The line that a report shows, in the order of the table. Paths are another's on another computer, names and hashes are not.
fn line(command: &Command, said: &[(&Row, &OsStr)]) -> String {
    let mut words = vec![format!("mcompc {}", command.name)];
    for row in command.rows().filter(|r| !r.aside) {
        for (_, value) in said.iter().filter(|(r, _)| std::ptr::eq(*r, row)) {
            words.extend(if row.long.is_empty() { row.short.map(|c| format!("-{c}")) } else { Some(format!("--{}", row.long)) });
            let name = if row.is_file() { Path::new(value).file_name().unwrap_or(value) } else { value }.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-/=,:%+@".contains(c);
            match name.chars().all(plain) {
                _ if row.value.is_empty() => {}
                true => words.push(name.into_owned()),
                false => words.push(format!("'{}'", name.replace('\'', "'\\''"))),
            }
        }
    }
    words.join(" ")
}

fn values(command: &'static Command, words: &[OsString]) -> Result<Line> {
    let mut given = Box::<Given>::default();
    let mut said: Vec<(&Row, &OsStr)> = Vec::new();
    let mut seen: Vec<&Row> = Vec::new();
    let mut operands = command.rows().filter(|r| r.is_operand());
    let mut words = words.iter();
    let mut flags_end = false;
    while let Some(word) = words.next() {
        if word == "--" && !flags_end {
            flags_end = true;
            continue;
        }
        if flags_end || !is_flag(word) || word == "-" {
            let row =
                operands.next().ok_or_else(|| usage(format!("`{}` is one word too many", word.display())).hint(help::usage(command)))?;
            (row.set)(&mut given, word)?;
            said.push((row, word));
            seen.push(row);
            continue;
        }
        let text = word.to_str().ok_or_else(|| {
            usage(format!("`{}` is not UTF-8", word.display())).hint("give a path of other bytes as a word of its own behind the flag")
        })?;
        if matches!(text, "-h" | "--help") {
            return help::of(command.name).map(Line::Print);
        }
        let (row, hanging) = flag(command, text)?;
        if !row.often && seen.iter().any(|s| std::ptr::eq(*s, row)) {
            return Err(usage(format!("{} is given twice", row.names())).hint("leave one of them out"));
        }
        seen.push(row);
        let value: &OsStr = match (row.value.is_empty(), hanging) {
            (true, None) => OsStr::new(""),
            (true, Some(v)) => return Err(usage(format!("{} takes no value, `{v}` is one", row.names())).hint("leave it out")),
            (false, Some(v)) => OsStr::new(v),
            (false, None) => {
                let missing = || {
                    let e = usage(format!("{} has no value", row.names()));
                    e.hint(format!("give {}; a value that begins with a dash goes behind `=`", row.form()))
                };
                words.next().filter(|v| !is_flag(v)).ok_or_else(missing)?
            }
        };
        (row.set)(&mut given, value)?;
        said.push((row, value));
    }
    match command.rows().find(|r| (r.required || r.is_operand()) && !seen.iter().any(|s| std::ptr::eq(*s, *r))) {
        Some(row) => Err(usage(format!("`mcompc {}` needs {}", command.name, row.form())).hint(help::usage(command))),
        None => {
            given.line = line(command, &said);
            Ok(Line::Run(command, given))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcompc_target::Backend;

    fn of(line: &str) -> Result<Line> {
        parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    fn given(line: &str) -> (&'static str, Box<Given>) {
        match of(line) {
            Ok(Line::Run(c, g)) => (c.name, g),
            Ok(Line::Print(text)) => panic!("{line}: {text}"),
            Err(e) => panic!("{line}: {e}"),
        }
    }

    /// The code is E002; message and hint, in a line.
    fn refused(line: &str) -> String {
        match of(line) {
            Err(e) => {
                assert_eq!(e.code, Code::Usage, "{line}");
                format!("{}; {}", e.message, e.hint.unwrap_or_default())
            }
            Ok(_) => panic!("{line} is taken"),
        }
    }

    #[test]
    fn rows_are_consistent() {
        for c in COMMANDS {
            let rows: Vec<&Row> = c.rows().collect();
            for (i, r) in rows.iter().enumerate() {
                let name = format!("{} {}", c.name, r.names());
                assert!(!r.help.is_empty() && !r.help.ends_with('.'), "{name}");
                assert!(!r.is_operand() || !r.value.is_empty() && !r.often, "{name}");
                let same = |s: &&&Row| s.names() == r.names() || s.short.is_some() && s.short == r.short;
                assert_eq!(rows[..i].iter().filter(same).count(), 0, "{name} stands there twice");
                // What is said to hold without it, and every choice, is a value it takes.
                for v in (r.choices)().into_iter().chain(Some(r.default).filter(|d| !d.is_empty() && *d != "host")) {
                    assert_eq!((r.set)(&mut Given::default(), OsStr::new(v)), Ok(()), "{name} {v}");
                }
            }
            assert!(help::of(c.name).is_ok_and(|h| rows.iter().all(|r| h.contains(&r.form()))), "{}", c.name);
        }
    }

    #[test]
    fn values_reach_their_places() {
        let (name, g) = given("m.onnx --dim N=1 --dim=M=2 -Oint4 --bits a=8 -o out --backend small --json --group=64");
        assert_eq!((name, g.model.to_str(), g.out.to_str()), ("compile", Some("m.onnx"), Some("out")));
        assert_eq!((g.bits, g.dims.len(), g.layer_bits.len(), g.backend, g.group), (Some(4), 2, 1, Some(Backend::Small), Some(64)));
        assert!(g.json && !g.force && !g.timings);
    }

    #[test]
    fn the_line_of_a_report_is_the_same_in_every_folder() {
        let (a, b) = (
            given("compile a/m.onnx --calib=/x/c.npz -O int4 -o out --json --slices").1,
            given("--slices m.onnx --calib y/c.npz -Oint4 -o b").1,
        );
        assert_eq!(a.line, "mcompc compile m.onnx -O int4 --calib c.npz --slices");
        assert_eq!(a.line, b.line);
    }

    #[test]
    fn order_dashes_and_ends() {
        assert_eq!(given("--target x86_64 -o=d m").1.out.to_str(), Some("d"));
        assert_eq!(given("plan -- -m.onnx").1.model.to_str(), Some("-m.onnx"));
        assert_eq!(given("plan -").1.model.to_str(), Some("-"));
        assert_eq!(given("dev show kernel m").1.stage, "kernel");
    }

    #[test]
    fn errors_say_what_was_meant() {
        for (line, part) in [
            ("", "see `mcompc help`"),
            ("m.onnx", "needs -o, --out DIR; usage: mcompc compile MODEL --out DIR [FLAGS]"),
            ("plan", "`mcompc plan` needs MODEL"),
            ("plan m --calb f", "no flag --calb; did you mean --calib?"),
            ("plan m --calb=f", "no flag --calb; did you mean --calib?"),
            ("plan m --verbose", "`mcompc help plan` lists the flags"),
            ("plan m --plugin f", "it is one of `mcompc bench`"),
            ("plan m -x", "no flag -x"),
            ("plan m --calib", "--calib has no value; give --calib FILE"),
            ("plan m --calib --json", "--calib has no value"),
            ("plan m --slices=1", "--slices takes no value, `1` is one"),
            ("plan m --calib a --calib b", "--calib is given twice"),
            ("plan m --json --json", "--json is given twice"),
            ("plan m n", "`n` is one word too many; usage: mcompc plan MODEL [FLAGS]"),
            ("pln m -o d x", "did you mean `mcompc plan`?"),
            ("plan m --range mean", "one of minmax, percentile, mse"),
            ("plan m --backend llvm", "one of cranelift, mlir, small"),
            ("bench m --limit x", "--limit x: expected a whole number"),
            ("dev shw m", "did you mean `mcompc dev show`?"),
            ("help nothing", "there is no command `mcompc nothing`"),
            ("dev docs", "needs WHICH"),
        ] {
            let said = refused(line);
            assert!(said.contains(part), "{line}: {said}");
        }
        assert_eq!(of("plan m --target z80").err().map(|e| e.code), Some(Code::UnknownTarget));
        assert_eq!(of("plan m -O fast").err().map(|e| e.code), Some(Code::UnsupportedLevel));
    }

    #[test]
    fn help_and_version_are_texts() {
        for line in
            ["help", "-h", "--help", "help plan", "plan --help", "plan m -h", "dev", "dev --help", "help dev", "help dev show", "-V"]
        {
            assert!(matches!(of(line), Ok(Line::Print(t)) if t.ends_with('\n') && t.lines().all(|l| l.chars().count() <= 110)), "{line}");
        }
    }
}
