//! The text form of a scheme: a line a value, a line a layer; `parse(&s.to_string())` is `s`.
//!
//! ```text
//! scheme 1
//! bias-correction on
//! value "input" i8 scale 0.0078125 zero 0
//! value "conv1" i8 range -1.5 2.25
//! layer "conv1" nearest bits 8 ; first layer
//! layer "fc" group bits 4 group 32
//! ```
//! A value has a scale and a zero point, or the range that its codes shall cover. What follows `;` is a comment, but the first one of a layer,
//! which says why.

use super::{LayerScheme, Scheme};
use mcompc_ir::{Code, Codes, Error, Quant, Result};
use std::fmt;
use std::str::FromStr;

const VERSION: &str = "1";

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "scheme {VERSION}")?;
        writeln!(f, "bias-correction {}", if self.bias_correction { "on" } else { "off" })?;
        for (name, q) in &self.values {
            let (lo, hi) = (q.real(q.codes.min().into()), q.real(q.codes.max().into()));
            let why = self.wide.iter().find(|(n, _)| n == name).map_or(String::new(), |(_, why)| format!("; {why}"));
            writeln!(
                f,
                "value {} {} scale {:?} zero {} ; {lo:.4} to {hi:.4}{why}",
                quoted(name),
                q.codes.name(),
                q.step(),
                q.zero_point()
            )?;
        }
        for l in &self.layers {
            write!(f, "layer {} {} bits {}", quoted(&l.layer), l.method, l.bits)?;
            if let Some(n) = l.group {
                write!(f, " group {n}")?;
            }
            if let Some(s) = l.step {
                write!(f, " step {s:?}")?;
            }
            match &l.why {
                Some(why) => writeln!(f, " ; {}", why.replace(|c: char| c.is_control(), " "))?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

fn quoted(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out += &format!("\\u{{{:x}}}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Words and quoted names of a line, and the comment behind them.
fn tokens(line: &str) -> std::result::Result<(Vec<String>, Option<&str>), &'static str> {
    let (mut all, mut rest) = (Vec::new(), line.trim_start());
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix(';') {
            return Ok((all, Some(comment.trim())));
        }
        if first == '"' {
            let (word, behind) = string(&rest[1..]).ok_or("a name without end, or a bad escape in it")?;
            all.push(word);
            rest = behind.trim_start();
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || c == ';' || c == '"').unwrap_or(rest.len());
            all.push(rest[..end].into());
            rest = rest[end..].trim_start();
        }
    }
    Ok((all, None))
}

/// A name up to its closing quotation mark, and what is behind it.
fn string(s: &str) -> Option<(String, &str)> {
    let (mut out, mut chars) = (String::new(), s.char_indices());
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((out, &s[i + 1..])),
            '\\' => match chars.next()?.1 {
                c @ ('"' | '\\') => out.push(c),
                'u' => {
                    let from = i + 2;
                    let end = from + s[from..].find('}')?;
                    let hex = s[from..end].strip_prefix('{')?;
                    out.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
                    while chars.next()?.0 < end {}
                }
                _ => return None,
            },
            c => out.push(c),
        }
    }
    None
}

fn parse<T: FromStr>(s: &str, what: &str) -> std::result::Result<T, String> {
    s.parse().map_err(|_| format!("`{s}` is no {what}"))
}

fn value(words: &[String]) -> std::result::Result<(String, Quant), String> {
    let [name, codes, rest @ ..] = words else { return Err("expected value NAME CODES scale S zero Z".into()) };
    let codes = Codes::from_name(codes).ok_or_else(|| format!("`{codes}` are no codes"))?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let quant = match rest[..] {
        ["scale", s, "zero", z] => {
            let (s, z) = (parse::<f64>(s, "number")?, parse::<i32>(z, "code")?);
            if !(s.is_finite() && s > 0.0 && codes.contains(z.into())) {
                return Err(format!("scale {s} and zero {z} are out of range for {}", codes.name()));
            }
            Quant::new(codes, s, z)
        }
        ["range", lo, hi] => {
            let (lo, hi) = (parse::<f64>(lo, "number")?, parse::<f64>(hi, "number")?);
            if !(lo <= 0.0 && hi >= 0.0 && hi - lo >= f64::from(f32::MIN_POSITIVE) && (hi - lo).is_finite()) {
                return Err(format!("a range of {lo} to {hi} does not hold 0, or nothing else"));
            }
            Quant::covering(codes, lo, hi)
        }
        _ => return Err("expected scale S zero Z, or range LO HI".into()),
    };
    Ok((name.clone(), quant))
}

fn layer(words: &[String], why: Option<&str>) -> std::result::Result<LayerScheme, String> {
    let [name, method, bits, n, rest @ ..] = words else { return Err("expected layer NAME METHOD bits N".into()) };
    let (group, step) = match rest {
        [] => (None, None),
        [g, n] if g == "group" => (Some(parse(n, "number of weights")?), None),
        [s, n] if s == "step" => (None, Some(parse::<f64>(n, "number")?)),
        _ => return Err("expected group N, step S, or nothing more".into()),
    };
    if step.is_some_and(|s| !(s.is_normal() && s > 0.0)) {
        return Err("a step is a positive number".into());
    }
    if !method.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(format!("`{method}` names no method"));
    }
    if bits != "bits" {
        return Err(format!("expected bits N, found `{bits}`"));
    }
    let why = why.map(|w| w.replace(|c: char| c.is_control(), " ").trim().to_string()).filter(|w| !w.is_empty());
    Ok(LayerScheme { layer: name.clone(), method: method.clone(), bits: parse(n, "number of bits")?, group, step, why })
}

impl FromStr for Scheme {
    type Err = Error;

    /// Errors: `Parse` with the line.
    fn from_str(s: &str) -> Result<Self> {
        let mut scheme = Self { bias_correction: true, ..Self::default() };
        let mut version = false;
        for (i, line) in s.lines().enumerate() {
            let wrong = |what: String| {
                Error::new(Code::Parse, format!("line {} of the scheme: {what}", i + 1))
                    .hint("--scheme-out writes a scheme that fits; change that")
            };
            let (words, comment) = tokens(line).map_err(|e| wrong(e.into()))?;
            let Some((first, rest)) = words.split_first() else { continue };
            match (first.as_str(), rest) {
                ("scheme", [v]) if v == VERSION => version = true,
                _ if !version => return Err(wrong(format!("expected `scheme {VERSION}`"))),
                ("bias-correction", [v]) if v == "on" || v == "off" => scheme.bias_correction = v == "on",
                ("value", rest) => scheme.values.push(value(rest).map_err(wrong)?),
                ("layer", rest) => scheme.layers.push(layer(rest, comment).map_err(wrong)?),
                _ => return Err(wrong(format!("`{}` is none of value, layer, bias-correction on, bias-correction off", words.join(" ")))),
            }
        }
        if version { Ok(scheme) } else { Err(Error::new(Code::Parse, "an empty scheme").hint("--scheme-out writes one")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        let s = Scheme {
            wide: Vec::new(),
            bias_correction: false,
            values: vec![
                ("a \"b\" \\ ;\n\u{e9}".into(), Quant::new(Codes::I8, 0.1 + 0.2, -128)),
                (String::new(), Quant::new(Codes::I8, 5e-324, 127)),
            ],
            layers: vec![
                LayerScheme {
                    layer: "c;1".into(),
                    method: "nearest".into(),
                    bits: 8,
                    group: None,
                    step: None,
                    why: Some("first layer".into()),
                },
                LayerScheme { layer: "d".into(), method: "group".into(), bits: 4, group: Some(32), step: None, why: None },
                LayerScheme { layer: "e".into(), method: "step".into(), bits: 8, group: None, step: Some(0.1 + 0.2), why: None },
            ],
        };
        assert_eq!(s.to_string().parse::<Scheme>().unwrap(), s);
    }

    #[test]
    fn damaged_text_is_refused_or_read_for_good() {
        let good = "; c\nscheme 1\nbias-correction off\nvalue \"a\\\"\\u{e9}\" i8 scale 0.5 zero -3 ; x\nvalue b u4 range -1.5 2e3\n\
                    layer \"c\" group bits 4 group 32 ; why\nlayer d nearest bits 8\n";
        let odd: Vec<char> = "\"\\;\n\r\t #{}u-.e019ai8\u{1}\u{85}\u{2028}".chars().collect();
        let mut x = 1u64;
        let mut draw = |n: usize| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 33) as usize % n
        };
        let mut read = 0;
        for _ in 0..20_000 {
            let mut text: Vec<char> = good.chars().collect();
            for _ in 0..1 + draw(3) {
                let (at, c) = (draw(text.len()), odd[draw(odd.len())]);
                match draw(3) {
                    0 => text.insert(at, c),
                    1 => text[at] = c,
                    _ => drop(text.remove(at)),
                }
            }
            let text: String = text.into_iter().collect();
            if let Ok(s) = text.parse::<Scheme>() {
                assert_eq!(s.to_string().parse::<Scheme>().as_ref(), Ok(&s), "{text:?}");
                read += 1;
            }
        }
        assert!(read > 1000, "{read}");
    }

    #[test]
    fn ranges_are_codes_too() {
        let s: Scheme = "; by hand\n\nscheme 1\nvalue x i8 range -1 3".parse().unwrap();
        assert_eq!(s.values, [("x".to_string(), Quant::covering(Codes::I8, -1.0, 3.0))]);
    }

    #[test]
    fn what_is_wrong_is_an_error_with_its_line() {
        for bad in [
            "",
            "scheme 2",
            "value \"x\" i8 scale 1 zero 0",
            "scheme 1\nvalue \"x i8 scale 1 zero 0",
            "scheme 1\nvalue \"x\\q\" i8 scale 1 zero 0",
            "scheme 1\nvalue \"x\\u{d800}\" i8 scale 1 zero 0",
            "scheme 1\nvalue x i8 scale -1 zero 0",
            "scheme 1\nvalue x i8 scale 1 zero 500",
            "scheme 1\nvalue x i8 range 1 2",
            "scheme 1\nvalue x f8 scale 1 zero 0",
            "scheme 1\nlayer x nearest",
            "scheme 1\nlayer x \"a b\" bits 8",
            "scheme 1\nlayer x nearest bits eight",
            "scheme 1\nlayer x nearest bits 4 group",
            "scheme 1\nother",
        ] {
            let e = bad.parse::<Scheme>().unwrap_err();
            assert!(e.code == Code::Parse && e.hint.is_some(), "{bad}: {e}");
        }
    }
}
