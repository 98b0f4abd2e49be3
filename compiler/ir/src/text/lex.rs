//! Tokens of the text form.

use crate::{Code, Error, Result};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tok {
    Word(String),
    Str(String),
    /// Anything that starts like a number; its type is the reader's business.
    Num(String),
    /// `%node.port`
    Ref(u32, u32),
    Arrow,
    Dots,
    Punct(char),
    End,
}

pub(super) struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    peeked: Option<Tok>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1, peeked: None }
    }
    pub(super) fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::new(Code::Parse, format!("line {}: {what}", self.line))
            .general_hint("the head of compiler/ir/src/text.rs shows the text form")
    }
    fn take(&mut self, f: impl Fn(char) -> bool) -> &'a str {
        let n = self.rest.find(|c| !f(c)).unwrap_or(self.rest.len());
        let (a, b) = self.rest.split_at(n);
        self.rest = b;
        a
    }
    fn number(&mut self) -> Result<u32> {
        let s = self.take(|c| c.is_ascii_digit());
        s.parse().map_err(|_| self.error(format!("`{s}` is not a node or port number")))
    }
    fn string(&mut self) -> Result<String> {
        let mut o = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[i + 1..];
                    return Ok(o);
                }
                '\\' => match chars.next() {
                    Some((_, e @ ('"' | '\\'))) => o.push(e),
                    Some((j, 'u')) => {
                        let body = self.rest[j + 1..].strip_prefix('{').and_then(|s| s.split_once('}')).map(|(h, _)| h);
                        let ch = body.and_then(|h| u32::from_str_radix(h, 16).ok()).and_then(char::from_u32);
                        let (Some(h), Some(ch)) = (body, ch) else { return Err(self.error("bad \\u{} escape")) };
                        o.push(ch);
                        // The closing brace and the digits are ASCII here, so bytes are characters.
                        chars.nth(h.len() + 1);
                    }
                    _ => return Err(self.error("bad escape in a string")),
                },
                '\n' => return Err(self.error("a string ends at the end of its line")),
                c => o.push(c),
            }
        }
        Err(self.error("a string without end"))
    }
    fn lex(&mut self) -> Result<Tok> {
        loop {
            let space = self.take(char::is_whitespace);
            self.line += space.matches('\n').count();
            if !self.rest.starts_with(';') {
                break;
            }
            self.take(|c| c != '\n');
        }
        let Some(c) = self.rest.chars().next() else { return Ok(Tok::End) };
        Ok(match c {
            _ if self.rest.starts_with("->") => {
                self.rest = &self.rest[2..];
                Tok::Arrow
            }
            _ if self.rest.starts_with("..") => {
                self.rest = &self.rest[2..];
                Tok::Dots
            }
            '"' => {
                self.rest = &self.rest[1..];
                Tok::Str(self.string()?)
            }
            '%' => {
                self.rest = &self.rest[1..];
                let n = self.number()?;
                match self.rest.strip_prefix('.') {
                    Some(r) => {
                        self.rest = r;
                        Tok::Ref(n, self.number()?)
                    }
                    None => Tok::Ref(n, 0),
                }
            }
            '-' | '0'..='9' => {
                let mut prev = '0';
                let end = self.rest.char_indices().position(|(i, c)| {
                    let more = c.is_ascii_alphanumeric() || c == '.' || (c == '-' || c == '+') && (i == 0 || prev == 'e');
                    prev = c;
                    !more
                });
                let (a, b) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                self.rest = b;
                Tok::Num(a.into())
            }
            c if c == '_' || c.is_ascii_alphabetic() => Tok::Word(self.take(|c| c == '_' || c == '.' || c.is_ascii_alphanumeric()).into()),
            c => {
                self.rest = &self.rest[c.len_utf8()..];
                Tok::Punct(c)
            }
        })
    }
    pub(super) fn peek(&mut self) -> Result<&Tok> {
        if self.peeked.is_none() {
            self.peeked = Some(self.lex()?);
        }
        Ok(self.peeked.get_or_insert(Tok::End))
    }
    pub(super) fn next(&mut self) -> Result<Tok> {
        match self.peeked.take() {
            Some(t) => Ok(t),
            None => self.lex(),
        }
    }
    /// Takes the punctuation if it comes next.
    pub(super) fn eat(&mut self, c: char) -> Result<bool> {
        let hit = *self.peek()? == Tok::Punct(c);
        if hit {
            self.peeked = None;
        }
        Ok(hit)
    }
    pub(super) fn eat_word(&mut self, w: &str) -> Result<bool> {
        let hit = matches!(self.peek()?, Tok::Word(x) if x == w);
        if hit {
            self.peeked = None;
        }
        Ok(hit)
    }
    pub(super) fn expect(&mut self, c: char) -> Result<()> {
        match self.next()? {
            Tok::Punct(p) if p == c => Ok(()),
            t => Err(self.error(format!("expected `{c}`, found {t:?}"))),
        }
    }
    /// `open item, item, .. close`; the opening one is already taken.
    pub(super) fn list<T>(&mut self, close: char, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut v = Vec::new();
        if self.eat(close)? {
            return Ok(v);
        }
        loop {
            v.push(item(self)?);
            if !self.eat(',')? {
                self.expect(close)?;
                return Ok(v);
            }
        }
    }
}
