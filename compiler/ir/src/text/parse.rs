//! Reader of the text form.

use super::lex::{Lexer, Tok};
use crate::{Attr, Attrs, Codes, DType, Graph, NodeId, Output, Per, Quant, Result, State, Tensor, Value, ValueId};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Reads what [`crate::print`] writes. The result is well formed as text; run [`crate::verify`] on it before use.
///
/// # Errors
/// [`crate::Code::Parse`] with the line; [`crate::Code::BadTensor`] where a payload does not fit its type.
pub fn parse(text: &str) -> Result<Graph> {
    let mut l = Lexer::new(text);
    if !l.eat_word("graph")? {
        return Err(l.error("expected `graph \"name\" {`"));
    }
    let mut g = Graph::new(string(&mut l)?);
    l.expect('{')?;
    let mut nodes: BTreeMap<u32, NodeId> = BTreeMap::new();
    let mut reads: Vec<(NodeId, Vec<(u32, u32)>)> = Vec::new();
    while let Tok::Ref(n, 0) = *l.peek()? {
        l.next()?;
        l.expect('=')?;
        let (id, inputs) = node(&mut l, &mut g)?;
        if nodes.insert(n, id).is_some() {
            return Err(l.error(format!("%{n} is defined twice")));
        }
        reads.push((id, inputs));
    }
    let find = |l: &Lexer<'_>, (n, port): (u32, u32)| match nodes.get(&n) {
        Some(&node) => Ok(ValueId { node, port }),
        None => Err(l.error(format!("%{n} is not defined"))),
    };
    for (id, inputs) in reads {
        let v = inputs.into_iter().map(|r| find(&l, r)).collect::<Result<Vec<_>>>()?;
        g.set_inputs(id, &v);
    }
    section(&mut l, "inputs")?;
    g.inputs = l.list(')', |l| reference(l).and_then(|r| find(l, r)).map(|v| v.node))?;
    section(&mut l, "outputs")?;
    g.outputs = l.list(')', |l| {
        let name = string(l)?;
        l.expect('=')?;
        let r = reference(l)?;
        Ok(Output { name, value: find(l, r)? })
    })?;
    if l.eat_word("states")? {
        l.expect('(')?;
        let states = l.list(')', |l| {
            let node = reference(l).and_then(|r| find(l, r))?.node;
            l.expect('=')?;
            let name = string(l)?;
            state(l, &g, node, &name)
        })?;
        g.states = states;
    }
    l.expect('}')?;
    match l.next()? {
        Tok::End => Ok(g),
        t => Err(l.error(format!("{t:?} after the graph"))),
    }
}

fn state(l: &mut Lexer<'_>, g: &Graph, node: NodeId, name: &str) -> Result<State> {
    let Some(input) = g.inputs.iter().position(|&n| n == node) else { return Err(l.error("a state whose input is none")) };
    let Some(output) = g.outputs.iter().position(|o| o.name == name) else { return Err(l.error(format!("no output is called {name:?}"))) };
    let init = match l.peek()? {
        Tok::Punct('[') => Some(payload(l, DType::F32, g.node(node).outs.first().map(|v| v.shape.clone()).unwrap_or_default())?),
        _ => None,
    };
    Ok(State { input, output, init })
}

fn section(l: &mut Lexer<'_>, name: &str) -> Result<()> {
    if !l.eat_word(name)? {
        let t = l.next()?;
        return Err(l.error(format!("expected a node or `{name}(`, found {t:?}")));
    }
    l.expect('(')
}

fn string(l: &mut Lexer<'_>) -> Result<String> {
    match l.next()? {
        Tok::Str(s) => Ok(s),
        t => Err(l.error(format!("expected a quoted name, found {t:?}"))),
    }
}

fn word(l: &mut Lexer<'_>) -> Result<String> {
    match l.next()? {
        Tok::Str(s) | Tok::Word(s) => Ok(s),
        t => Err(l.error(format!("expected a word, found {t:?}"))),
    }
}

fn reference(l: &mut Lexer<'_>) -> Result<(u32, u32)> {
    match l.next()? {
        Tok::Ref(n, p) => Ok((n, p)),
        t => Err(l.error(format!("expected `%node`, found {t:?}"))),
    }
}

fn num<T: FromStr>(l: &mut Lexer<'_>) -> Result<T> {
    let t = l.next()?;
    let (Tok::Num(s) | Tok::Word(s)) = &t else { return Err(l.error(format!("expected a number, found {t:?}"))) };
    s.parse().map_err(|_| l.error(format!("`{s}` is not a {}", std::any::type_name::<T>())))
}

fn f64_of(s: &str) -> Option<f64> {
    match s.strip_prefix("0x") {
        Some(h) => u64::from_str_radix(h, 16).ok().map(f64::from_bits),
        None => s.parse().ok(),
    }
}

fn float(l: &mut Lexer<'_>) -> Result<f64> {
    match l.next()? {
        Tok::Num(s) | Tok::Word(s) => f64_of(&s).ok_or_else(|| l.error(format!("`{s}` is not a number"))),
        t => Err(l.error(format!("expected a number, found {t:?}"))),
    }
}

fn node(l: &mut Lexer<'_>, g: &mut Graph) -> Result<(NodeId, Vec<(u32, u32)>)> {
    let op = word(l)?;
    l.expect('(')?;
    let inputs = l.list(')', reference)?;
    let name = string(l)?;
    let mut attrs = Attrs::new();
    if l.eat('{')? {
        for (k, a) in l.list('}', |l| {
            let k = word(l)?;
            l.expect('=')?;
            Ok((k, attr(l)?))
        })? {
            if attrs.0.insert(k.clone(), a).is_some() {
                return Err(l.error(format!("attribute `{k}` is given twice")));
            }
        }
    }
    let mut fused = Vec::new();
    if l.eat_word("fused")? {
        l.expect('(')?;
        fused = l.list(')', string)?;
    }
    match l.next()? {
        Tok::Arrow => {}
        t => return Err(l.error(format!("expected `->`, found {t:?}"))),
    }
    let mut outs = Vec::new();
    while matches!(l.peek()?, Tok::Str(_)) {
        outs.push(value(l)?);
        if !l.eat(',')? {
            break;
        }
    }
    let mut tensor = None;
    if l.eat('=')? {
        let of_value = outs.first().map(|v| (v.dtype, v.shape.clone()));
        let (d, shape) = match (l.peek()?, of_value) {
            (Tok::Punct('['), Some(t)) => t,
            _ => typed(l)?,
        };
        tensor = Some(payload(l, d, shape)?);
    }
    let id = g.add_node(name, &op, attrs, &[], outs);
    let n = g.node_mut(id);
    n.tensor = tensor;
    n.fused = fused;
    Ok((id, inputs))
}

fn attr(l: &mut Lexer<'_>) -> Result<Attr> {
    match l.next()? {
        Tok::Str(s) => Ok(Attr::Str(s)),
        Tok::Punct('[') => Ok(Attr::Ints(l.list(']', num)?)),
        Tok::Word(w) if w == "f" => {
            l.expect('[')?;
            Ok(Attr::Floats(l.list(']', float)?))
        }
        Tok::Num(s) | Tok::Word(s) => match (s.parse().ok(), f64_of(&s)) {
            (Some(i), _) => Ok(Attr::Int(i)),
            (None, Some(f)) => Ok(Attr::Float(f)),
            _ => Err(l.error(format!("`{s}` is not an attribute"))),
        },
        t => Err(l.error(format!("expected an attribute, found {t:?}"))),
    }
}

fn typed(l: &mut Lexer<'_>) -> Result<(DType, Vec<usize>)> {
    let w = word(l)?;
    let d = DType::from_name(&w).ok_or_else(|| l.error(format!("`{w}` is not a data type")))?;
    l.expect('[')?;
    Ok((d, l.list(']', num)?))
}

fn value(l: &mut Lexer<'_>) -> Result<Value> {
    let name = string(l)?;
    let (dtype, shape) = typed(l)?;
    let mut quant = None;
    if l.eat_word("q")? {
        quant = Some(self::quant(l, dtype)?);
    }
    Ok(Value { name, dtype, shape, quant })
}

fn quant(l: &mut Lexer<'_>, dtype: DType) -> Result<Quant> {
    l.expect('(')?;
    let named = match l.peek()? {
        Tok::Word(w) => Codes::from_name(w),
        _ => None,
    };
    if named.is_some() {
        l.next()?;
        l.expect(',')?;
    }
    let Some(codes) = named.or(Codes::of(dtype)) else { return Err(l.error(format!("which codes a {dtype} value has is not said"))) };
    let scale = per(l)?;
    l.expect(',')?;
    let zero = per(l)?;
    l.expect(')')?;
    Ok(Quant { codes, scale, zero })
}

fn per(l: &mut Lexer<'_>) -> Result<Per<f64>> {
    if l.eat_word("axis")? {
        let axis = num(l)?;
        l.expect('[')?;
        return Ok(Per::Axis(axis, l.list(']', float)?.into()));
    }
    if l.eat_word("runs")? {
        let n = num(l)?;
        l.expect('[')?;
        return Ok(Per::Runs(n, l.list(']', float)?.into()));
    }
    Ok(Per::Tensor(float(l)?))
}

fn payload(l: &mut Lexer<'_>, d: DType, shape: Vec<usize>) -> Result<Tensor> {
    l.expect('[')?;
    let mut bytes = Vec::new();
    l.list(']', |l| {
        if *l.peek()? == Tok::Dots {
            return Err(l.error("a short print, its constants are elided"));
        }
        match d {
            DType::F32 => match l.next()? {
                Tok::Num(s) | Tok::Word(s) => {
                    let v = match s.strip_prefix("0x") {
                        Some(h) => u32::from_str_radix(h, 16).ok().map(f32::from_bits),
                        None => s.parse().ok(),
                    };
                    bytes.extend(v.ok_or_else(|| l.error(format!("`{s}` is not a number")))?.to_le_bytes());
                }
                t => return Err(l.error(format!("expected a number, found {t:?}"))),
            },
            DType::F64 => bytes.extend(float(l)?.to_le_bytes()),
            DType::I8 => bytes.extend(num::<i8>(l)?.to_le_bytes()),
            DType::U8 | DType::Bool => bytes.extend(num::<u8>(l)?.to_le_bytes()),
            DType::I16 => bytes.extend(num::<i16>(l)?.to_le_bytes()),
            DType::U16 => bytes.extend(num::<u16>(l)?.to_le_bytes()),
            DType::I32 => bytes.extend(num::<i32>(l)?.to_le_bytes()),
            DType::I64 => bytes.extend(num::<i64>(l)?.to_le_bytes()),
        }
        Ok(())
    })?;
    Tensor::new(d, shape, bytes.into())
}
