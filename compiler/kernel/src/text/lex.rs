//! Tokens of the text form.

use mcompc_ir::{Code, Error, Result};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tok {
    Word(String),
    /// `%7`
    Val(u32),
    /// `@name` or `@"name"`
    At(String),
    Str(String),
    Int(i64),
    Sym(char),
    End,
}

impl std::fmt::Display for Tok {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Tok::Word(s) => write!(f, "`{s}`"),
            Tok::Val(v) => write!(f, "`%{v}`"),
            Tok::At(s) => write!(f, "`@{s}`"),
            Tok::Str(s) => write!(f, "{s:?}"),
            Tok::Int(v) => write!(f, "`{v}`"),
            Tok::Sym(c) => write!(f, "`{c}`"),
            Tok::End => f.write_str("the end"),
        }
    }
}

pub(super) fn word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// Splits text into tokens as they are asked for; `//` starts a comment.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    line_start: usize,
    /// Line and column of the last token.
    place: (usize, usize),
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1, line_start: 0, place: (1, 1) }
    }
    pub(super) fn error(&self, m: impl std::fmt::Display) -> Error {
        Error::new(Code::Parse, format!("line {}, column {}: {m}", self.place.0, self.place.1))
    }
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }
    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }
    fn take(&mut self, f: impl Fn(char) -> bool) -> &'t str {
        let r = self.rest();
        let n = r.find(|c| !f(c)).unwrap_or(r.len());
        self.at += n;
        &r[..n]
    }
    fn blank(&mut self) {
        loop {
            match self.peek() {
                Some('\n') => {
                    self.at += 1;
                    self.line += 1;
                    self.line_start = self.at;
                }
                Some(c) if c.is_whitespace() => self.at += c.len_utf8(),
                Some('/') if self.rest().starts_with("//") => {
                    self.take(|c| c != '\n');
                }
                _ => return,
            }
        }
    }
    fn number<T: std::str::FromStr>(&mut self) -> Result<T> {
        let digits = self.take(|c| c.is_ascii_digit());
        digits.parse().map_err(|_| self.error(format!("`{digits}` is no number that fits")))
    }
    fn string(&mut self) -> Result<String> {
        self.at += 1;
        let mut s = String::new();
        loop {
            let Some(c) = self.peek() else { return Err(self.error("a string without end")) };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(s),
                '\\' => {
                    let Some(e) = self.peek() else { return Err(self.error("a string without end")) };
                    self.at += e.len_utf8();
                    s.push(match e {
                        'n' => '\n',
                        '"' | '\\' => e,
                        _ => return Err(self.error(format!("unknown escape `\\{e}`"))),
                    });
                }
                c => s.push(c),
            }
        }
    }
    pub(super) fn token(&mut self) -> Result<Tok> {
        self.blank();
        self.place = (self.line, self.at - self.line_start + 1);
        let Some(c) = self.peek() else { return Ok(Tok::End) };
        match c {
            '%' => {
                self.at += 1;
                Ok(Tok::Val(self.number()?))
            }
            '@' => {
                self.at += 1;
                if self.peek() == Some('"') { Ok(Tok::At(self.string()?)) } else { Ok(Tok::At(self.take(word_char).into())) }
            }
            '"' => Ok(Tok::Str(self.string()?)),
            c if c.is_ascii_digit() => Ok(Tok::Int(self.number()?)),
            c if c.is_ascii_alphabetic() || c == '_' => Ok(Tok::Word(self.take(word_char).into())),
            c if "(){}[],:=+-*".contains(c) => {
                self.at += 1;
                Ok(Tok::Sym(c))
            }
            c => Err(self.error(format!("unexpected `{}`", c.escape_default()))),
        }
    }
}
