//! Completions of shells, and a manual page, from the rows.

use super::row::{Row, Tables};
use std::fmt::Write;

/// A shell that takes completions.
pub(crate) struct Shell {
    /// Its name.
    pub name: &'static str,
    /// Its script.
    pub script: fn(&Tables<'_>) -> String,
}

/// All of them.
pub(crate) static SHELLS: &[Shell] =
    &[Shell { name: "bash", script: bash }, Shell { name: "zsh", script: zsh }, Shell { name: "fish", script: fish }];

fn flags(row: &Row) -> Vec<String> {
    let long = Some(row.long).filter(|l| !l.is_empty()).map(|l| format!("--{l}"));
    row.short.map(|c| format!("-{c}")).into_iter().chain(long).collect()
}

/// Values of a row, as one list of words.
fn values(row: &Row) -> String {
    (row.choices)().join(" ")
}

fn bash(t: &Tables<'_>) -> String {
    let mut s = String::from("# bash completion of mcompc: source it, or put it into bash-completion's folder as `mcompc`.\n_mcompc() {\n");
    s.push_str("    local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" command=compile\n");
    s.push_str("    case \"${COMP_WORDS[1]}\" in\n");
    for c in t.commands.iter().filter(|c| !c.name.contains(' ')) {
        let _ = writeln!(s, "        {0}) command={0} ;;", c.name);
    }
    for (group, _) in t.groups {
        let _ = writeln!(s, "        {group}) command=\"{group} ${{COMP_WORDS[2]}}\" ;;");
    }
    s.push_str("    esac\n    case \"$command:$before\" in\n");
    for c in t.commands {
        for row in c.rows().filter(|r| !r.is_operand() && !values(r).is_empty()) {
            let pattern: Vec<String> = flags(row).iter().map(|f| format!("\"{}:{f}\"", c.name)).collect();
            let _ = writeln!(s, "        {}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;", pattern.join("|"), values(row));
        }
    }
    s.push_str("    esac\n    local flags= words=\n    case \"$command\" in\n");
    for c in t.commands {
        let all: Vec<String> = c.rows().flat_map(flags).collect();
        let places: Vec<String> = c.rows().filter(|r| r.is_operand()).map(values).filter(|v| !v.is_empty()).collect();
        let _ = writeln!(s, "        \"{}\") flags=\"{}\"; words=\"{}\" ;;", c.name, all.join(" "), places.join(" "));
    }
    for (group, _) in t.groups {
        let names: Vec<&str> = t.members(group).filter_map(|c| c.name.split(' ').nth(1)).collect();
        let _ = writeln!(s, "        \"{group} \"*) words=\"{}\" ;;", names.join(" "));
    }
    let first: Vec<&str> = t.words().map(|w| w.0).collect();
    let _ = write!(
        s,
        "    esac\n    if [ \"$COMP_CWORD\" = 1 ]; then words=\"{}\"; fi\n    case \"$word\" in\n        \
         -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n        \
         *) COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\")) ;;\n    esac\n}}\ncomplete -o filenames -F _mcompc mcompc\n",
        first.join(" ")
    );
    s
}

/// zsh runs completions of bash.
fn zsh(t: &Tables<'_>) -> String {
    format!("#compdef mcompc\nautoload -U +X bashcompinit && bashcompinit\n{}", bash(t))
}

fn fish(t: &Tables<'_>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let mut s = String::from("# fish completion of mcompc: put it into ~/.config/fish/completions as mcompc.fish.\n");
    for (name, about) in t.words() {
        let _ = writeln!(s, "complete -c mcompc -n __fish_use_subcommand -a {name} -d {}", quoted(about));
    }
    for c in t.commands {
        let mut names = c.name.split(' ');
        let (first, second) = (names.next().unwrap_or_default(), names.next());
        let mut when = format!("__fish_seen_subcommand_from {first}");
        if let Some(second) = second {
            let _ = writeln!(s, "complete -c mcompc -n {} -a {second} -d {}", quoted(&when), quoted(c.about));
            let _ = write!(when, "; and __fish_seen_subcommand_from {second}");
        }
        for row in c.rows().filter(|r| !r.is_operand()) {
            let _ = write!(s, "complete -c mcompc -n {} -d {}", quoted(&when), quoted(row.help));
            let _ = row.short.map(|short| write!(s, " -s {short}"));
            if !row.long.is_empty() {
                let _ = write!(s, " -l {}", row.long);
            }
            match values(row) {
                _ if row.value.is_empty() => {}
                v if v.is_empty() => s.push_str(" -r"),
                v => {
                    let _ = write!(s, " -x -a {}", quoted(&v));
                }
            }
            s.push('\n');
        }
    }
    s
}

/// The manual page, in troff's man macros.
pub(crate) fn manual(t: &Tables<'_>) -> String {
    // A line that begins with a dot or an apostrophe would be a request.
    let text = |s: &str| {
        let s = s.replace('\\', "\\e").replace('-', "\\-");
        if s.starts_with(['.', '\'']) { format!("\\&{s}") } else { s }
    };
    let mut s = format!(".TH MCOMPC 1 \"\" \"mcompc {}\"\n.SH NAME\n", mcompc_driver::VERSION);
    s.push_str("mcompc \\- compiles ONNX models into small integer\\-only native libraries\n.SH SYNOPSIS\n");
    s.push_str(".B mcompc\n.I COMMAND\n.RI [ FLAGS ]\n.br\n.B mcompc\n.I MODEL\n.RI [ FLAGS ]\n");
    s.push_str(".SH DESCRIPTION\nWithout a command's name,\n.B compile\nis meant.\n");
    for c in t.commands {
        let _ = writeln!(s, ".SS \"mcompc {}\"\n{}.", text(c.name), text(c.about));
        for row in c.rows() {
            let _ = writeln!(s, ".TP\n.B \"{}\"\n{}.", text(&row.form()), text(&row.meaning()));
            if !row.default.is_empty() {
                let _ = writeln!(s, "Default: {}.", text(row.default));
            }
        }
    }
    s.push_str(
        ".SH EXIT STATUS\n0; 1 for an error of the model or the machine; 2 for an error of usage; 128 and its number for a signal.\n",
    );
    s
}
