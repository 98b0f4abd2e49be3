//! One flag or operand, and a command that takes several.

use super::given::Given;
use crate::answer::Answer;
use mcompc_driver::Progress;
use mcompc_ir::Result;
use std::ffi::OsStr;

/// A flag, or an operand where it has neither a long nor a short name.
pub(crate) struct Row {
    /// After `--`, or empty.
    pub long: &'static str,
    /// After `-`.
    pub short: Option<char>,
    /// Form of the value; empty for a switch.
    pub value: &'static str,
    /// What it means, in one sentence without an end.
    pub help: &'static str,
    /// What holds without it, where that is one word.
    pub default: &'static str,
    /// Values there are, where they can be listed.
    pub choices: fn() -> Vec<&'static str>,
    /// Whether it may be given several times.
    pub often: bool,
    /// Whether the command needs it. Operands are always needed.
    pub required: bool,
    /// Whether the library is the same with it and without.
    pub aside: bool,
    /// Takes the value; an empty one of a switch.
    pub set: Set,
}

/// Most choices that are listed where a row is explained.
const LIST: usize = 12;

/// One command.
pub(crate) struct Command {
    /// Words that name it.
    pub name: &'static str,
    /// What it does, in one sentence without an end.
    pub about: &'static str,
    /// Its rows, in groups that commands share.
    pub rows: &'static [&'static [Row]],
    /// Does it.
    pub run: fn(&Given, &dyn Progress) -> Result<Answer>,
}

impl Command {
    /// All its rows.
    pub fn rows(&self) -> impl Iterator<Item = &'static Row> {
        self.rows.iter().flat_map(|group| group.iter())
    }
}

/// The commands, and the first words of several.
#[derive(Clone, Copy)]
pub(crate) struct Tables<'a> {
    /// All commands.
    pub commands: &'a [Command],
    /// Words and what they are about.
    pub groups: &'a [(&'static str, &'static str)],
}

impl<'a> Tables<'a> {
    /// First words of commands, and what they are about.
    pub fn words(self) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
        let single = self.commands.iter().filter(|c| !c.name.contains(' ')).map(|c| (c.name, c.about));
        single.chain(self.groups.iter().copied())
    }
    /// The commands that begin with a group's word.
    pub fn members(self, group: &'a str) -> impl Iterator<Item = &'a Command> {
        self.commands.iter().filter(move |c| c.name.split_once(' ').is_some_and(|(g, _)| g == group))
    }
}

/// Puts a value where it belongs, or says what is wrong with it (E002, E501, E502).
pub(crate) type Set = fn(&mut Given, &OsStr) -> Result<()>;

/// A flag with a value.
pub(crate) const fn flag(long: &'static str, value: &'static str, help: &'static str, set: Set) -> Row {
    Row { long, short: None, value, help, default: "", choices: Vec::new, often: false, required: false, aside: false, set }
}

/// A flag without a value.
pub(crate) const fn switch(long: &'static str, help: &'static str, set: fn(&mut Given, &OsStr) -> Result<()>) -> Row {
    flag(long, "", help, set)
}

/// A value by its place.
pub(crate) const fn operand(value: &'static str, help: &'static str, set: Set) -> Row {
    flag("", value, help, set)
}

impl Row {
    /// With a short name too.
    pub const fn short(mut self, c: char) -> Self {
        self.short = Some(c);
        self
    }
    /// With what holds without it.
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = value;
        self
    }
    /// With the values there are.
    pub const fn choices(mut self, list: fn() -> Vec<&'static str>) -> Self {
        self.choices = list;
        self
    }
    /// May be given several times.
    pub const fn often(mut self) -> Self {
        self.often = true;
        self
    }
    /// Changes nothing of the library.
    pub const fn aside(mut self) -> Self {
        self.aside = true;
        self
    }
    /// Whether it names a file that is read.
    pub fn is_file(&self) -> bool {
        matches!(self.value, "MODEL" | "FILE")
    }
    /// Must be given.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }
    /// Whether it goes by its place.
    pub const fn is_operand(&self) -> bool {
        self.long.is_empty() && self.short.is_none()
    }
    /// Its names as given, without the value: `-o, --out`.
    pub fn names(&self) -> String {
        match (self.short, self.long) {
            (None, "") => self.value.into(),
            (Some(c), "") => format!("-{c}"),
            (None, long) => format!("--{long}"),
            (Some(c), long) => format!("-{c}, --{long}"),
        }
    }
    /// Names and value: `-o, --out DIR`.
    pub fn form(&self) -> String {
        if self.is_operand() || self.value.is_empty() { self.names() } else { format!("{} {}", self.names(), self.value) }
    }
    /// What it means, with the values there are.
    pub fn meaning(&self) -> String {
        // A long list is a command of its own.
        let choices = (self.choices)();
        if choices.is_empty() || choices.len() > LIST { self.help.into() } else { format!("{}: {}", self.help, choices.join(", ")) }
    }
}
