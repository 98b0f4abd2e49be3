//! `--input NAME=u8,scale=S,offset=O`: the raw form in which calibration data come and in which the device will call.

use mcompc_ir::{Code, Codes, DType, Error, Graph, Node, Per, Quant, Result, Tensor, Value};

/// What the caller really has for one graph input: real = scale * (raw - offset).
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Name of the graph input.
    pub name: String,
    /// Raw element type: f32, i8, u8, i16, i32 or i64.
    pub dtype: DType,
    /// Positive factors: one, or one per channel.
    pub scale: Vec<f64>,
    /// Raw code of real 0: one, or one per channel.
    pub offset: Vec<f64>,
}

const FORM: &str = "write NAME=DTYPE[,scale=S][,offset=O] with DTYPE f32, i8, u8, i16, i32 or i64 and S, O a number or [a;b;c]";

fn usage(s: &str, why: impl std::fmt::Display) -> Error {
    Error::new(Code::Usage, format!("--input {s}: {why}")).hint(FORM)
}

fn numbers(whole: &str, s: &str) -> Result<Vec<f64>> {
    let list = s.strip_prefix('[').and_then(|s| s.strip_suffix(']')).unwrap_or(s);
    let parse = |v: &str| match v.trim().parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(x),
        _ => Err(usage(whole, format!("`{v}` is not a finite number"))),
    };
    list.split(';').map(parse).collect()
}

impl InputSpec {
    /// Floats as the graph takes them.
    pub fn float(name: impl Into<String>) -> Self {
        Self { name: name.into(), dtype: DType::F32, scale: vec![1.0], offset: vec![0.0] }
    }

    /// Parses the value of one `--input` flag. NAME ends at the first `=`, so it may hold `/`, `:` and `,`. Errors: `Usage`.
    pub fn parse(s: &str) -> Result<Self> {
        let (name, rest) = s.split_once('=').ok_or_else(|| usage(s, "there is no `=`"))?;
        if name.is_empty() {
            return Err(usage(s, "the name is empty"));
        }
        let mut parts = rest.split(',');
        let dtype = parts.next().unwrap_or_default().trim();
        let allowed = [DType::F32, DType::I8, DType::U8, DType::I16, DType::I32, DType::I64];
        let dtype =
            DType::from_name(dtype).filter(|d| allowed.contains(d)).ok_or_else(|| usage(s, format!("`{dtype}` is not a raw type")))?;
        let (mut scale, mut offset) = (None, None);
        for p in parts {
            let slot = match p.split_once('=').map(|(k, v)| (k.trim(), v)) {
                Some(("scale", v)) => (&mut scale, v),
                Some(("offset", v)) => (&mut offset, v),
                _ => return Err(usage(s, format!("`{p}` is neither scale=.. nor offset=.."))),
            };
            if slot.0.replace(numbers(s, slot.1)?).is_some() {
                return Err(usage(s, format!("`{p}` is given twice")));
            }
        }
        let (scale, offset) = (scale.unwrap_or(vec![1.0]), offset.unwrap_or(vec![0.0]));
        if let Some(v) = scale.iter().find(|&&v| v <= 0.0) {
            return Err(usage(s, format!("the scale {v} is not positive")));
        }
        if scale.len() > 1 && offset.len() > 1 && scale.len() != offset.len() {
            return Err(usage(s, format!("{} scales but {} offsets", scale.len(), offset.len())));
        }
        Ok(Self { name: name.into(), dtype, scale, offset })
    }

    /// The axis of `shape` that the lists run over: 1 (channels first) if it has that length, else the last; 0 where both are single
    /// numbers. Errors: `Usage`.
    fn channel_axis(&self, shape: &[usize]) -> Result<usize> {
        let n = self.scale.len().max(self.offset.len());
        if n == 1 {
            return Ok(0);
        }
        let last = shape.len().wrapping_sub(1);
        [1, last].into_iter().find(|&a| shape.get(a) == Some(&n)).ok_or_else(|| {
            usage(&self.name, format!("{n} values, but neither axis 1 nor the last axis of {shape:?} has that length")).at(&self.name)
        })
    }
}

/// A graph input with the raw form of its data.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Raw form.
    pub spec: InputSpec,
    /// The graph input's shape, batch dimension included.
    pub shape: Vec<usize>,
    /// The flag's scale, along an axis of `shape` where it is a list: real = scale * (raw - zero).
    pub scale: Per<f64>,
    /// The flag's offset, likewise.
    pub zero: Per<f64>,
    /// Of a state what the first step is given, as reals (f32): no file holds its samples.
    pub start: Option<Tensor>,
    /// Of an index how many rows there are to choose from, in the smallest of its tables.
    pub rows: Option<usize>,
}

/// The raw form of an input that the model's file declares as codes; the flag's in other words.
fn given(graph: &Graph, input: usize) -> Option<InputSpec> {
    let v = graph.out(*graph.inputs.get(input)?);
    let says = |n: &Node| n.op == "Quantize" && n.attrs.int_or("given", 0) == Ok(1);
    let (n, _) = graph.users(v).into_iter().find(|(n, _)| says(graph.node(*n)))?;
    let attrs = &graph.node(n).attrs;
    let dtype = Codes::from_name(attrs.str("codes").ok()?)?.dtype();
    Some(InputSpec {
        name: graph.value(v).name.clone(),
        dtype,
        scale: vec![attrs.float("scale").ok()?],
        offset: vec![attrs.int("zero").ok()? as f64],
    })
}

/// Rows of the smallest table that an input chooses from.
fn rows(graph: &Graph, input: usize) -> Option<usize> {
    let users = graph.users(graph.out(*graph.inputs.get(input)?));
    let table = |n| graph.value(*graph.inputs_of(n).first()?).shape.first().copied();
    users.into_iter().filter(|&(n, port)| port == 1 && graph.node(n).op == "Gather").filter_map(|(n, _)| table(n)).min()
}

impl Input {
    /// The flag for a graph input of this shape. Errors: `Usage` where a list has the length of no axis.
    pub fn new(spec: InputSpec, shape: Vec<usize>) -> Result<Self> {
        let axis = u8::try_from(spec.channel_axis(&shape)?).unwrap_or(u8::MAX);
        let (scale, zero) = (Per::along(axis, spec.scale.clone()), Per::along(axis, spec.offset.clone()));
        Ok(Self { spec, shape, scale, zero, start: None, rows: None })
    }

    /// Joins the flags with a graph's inputs, in the graph's order; an input without a flag is taken as floats (or as what it is, when it
    /// is an integer tensor). Errors: `Usage` for a flag that names no input, or two flags for one.
    pub fn of_graph(graph: &Graph, specs: &[InputSpec]) -> Result<Vec<Input>> {
        let values: Vec<&Value> = graph.inputs.iter().map(|&i| &graph.node(i).outs[0]).collect();
        for (i, s) in specs.iter().enumerate() {
            if !values.iter().any(|v| v.name == s.name) {
                let names: Vec<&str> = values.iter().map(|v| v.name.as_str()).collect();
                return Err(Error::new(Code::Usage, format!("--input names no graph input; there are: {}", names.join(", "))).at(&s.name));
            }
            if specs[..i].iter().any(|t| t.name == s.name) {
                return Err(Error::new(Code::Usage, "--input is given twice for this input").at(&s.name));
            }
        }
        let input = |(i, v): (usize, &Value)| {
            let state = graph.state_of_input(i);
            if let Some(s) = specs.iter().find(|s| state.is_some() && s.name == v.name) {
                let e = Error::new(Code::Usage, "a state has the codes of the output that it is tied to, --input cannot say others")
                    .at(&s.name);
                return Err(e.hint("leave the flag out; --scheme decides the codes of a state"));
            }
            if state.is_some() && given(graph, i).is_some() {
                let e = Error::new(Code::NoInteger, "a state whose codes the model's file says is not built").at(&v.name);
                return Err(e.hint("give the float model, or leave the two ends of the state in floats when quantizing"));
            }
            // Files hold indices of any integer type.
            let declared = graph.node(graph.inputs[i]).attrs.get("declared").is_some();
            let dtype = if declared || v.dtype.int_range().is_some() { DType::I64 } else { DType::F32 };
            let usual = given(graph, i).unwrap_or(InputSpec { dtype, ..InputSpec::float(&v.name) });
            let spec = specs.iter().find(|s| s.name == v.name).cloned().unwrap_or(usual);
            let index = v.dtype == DType::I32;
            if index && (spec.dtype == DType::F32 || spec.scale != [1.0] || spec.offset != [0.0]) {
                let e = Error::new(Code::Usage, "an index means itself: it has an integer type, no scale and no offset").at(&v.name);
                return Err(e.hint("leave --input out for it, or name the integer type that the file holds"));
            }
            let rows = if index { rows(graph, i) } else { None };
            let start = match state {
                None => None,
                Some(s) => Some(s.init.clone().map_or_else(|| Tensor::from_f32(v.shape.clone(), &vec![0.0; v.elems()]), Ok)?),
            };
            Ok(Input { start, rows, ..Input::new(spec, v.shape.clone())? })
        };
        values.into_iter().enumerate().map(input).collect()
    }

    /// What the raw codes stand for, where they are codes.
    pub fn quant(&self) -> Option<Quant> {
        Codes::of(self.spec.dtype).map(|codes| Quant { codes, scale: self.scale.clone(), zero: self.zero.clone() })
    }

    /// Raw data as the reals the float graph takes: f32 of scale * (raw - offset), computed in f64. `raw` has the spec's type and
    /// the input's number of elements. Errors: `UnsupportedType`, `BadShape`.
    pub fn reals(&self, raw: &Tensor) -> Result<Vec<f32>> {
        if raw.dtype != self.spec.dtype || raw.elems() != self.shape.iter().product::<usize>() {
            return Err(Error::new(
                Code::BadShape,
                format!("raw data {}{:?} for an input of shape {:?}", raw.dtype, raw.shape, self.shape),
            )
            .at(&self.spec.name));
        }
        let raw: Vec<f64> = match raw.dtype {
            DType::F32 => raw.as_f32()?.iter().map(|&v| f64::from(v)).collect(),
            _ => raw.to_i64_vec()?.into_iter().map(|v| v as f64).collect(),
        };
        self.inside(&raw)?;
        let real = |(i, v): (usize, f64)| (self.scale.at(&self.shape, i) * (v - self.zero.at(&self.shape, i))) as f32;
        Ok(raw.into_iter().enumerate().map(real).collect())
    }

    /// Requires indices that the model's runtime takes; on a device others are brought inside.
    fn inside(&self, raw: &[f64]) -> Result<()> {
        let Some(n) = self.rows.map(|n| n as f64) else { return Ok(()) };
        match raw.iter().find(|&&v| !(-n..n).contains(&v)) {
            None => Ok(()),
            Some(v) => Err(Error::new(Code::BadCalib, format!("index {v} of a table of {n} rows"))
                .at(&self.spec.name)
                .hint("indices are 0 to rows - 1, or negative from the end: was the data made for another vocabulary?")),
        }
    }

    /// Raw data as the codes that the integer graph's input `value` takes: the raw bytes where the types agree, otherwise
    /// clamp(zero point + real / scale rounded to nearest, ties away from zero). Errors: as [`Input::reals`]; `Internal` without a quant.
    pub fn codes(&self, raw: &Tensor, value: &Value) -> Result<Tensor> {
        // Codes of sixteen bits may be others than the raw ones; those of eight never are.
        if value.dtype == self.spec.dtype && (value.dtype != DType::I16 || value.quant == self.quant()) {
            return raw.reshaped(value.shape.clone());
        }
        if value.dtype == DType::I32 && value.quant.is_none() {
            let indices: Vec<i64> = raw.to_i64_vec()?;
            self.inside(&indices.iter().map(|&v| v as f64).collect::<Vec<_>>())?;
            return Tensor::from_i32(value.shape.clone(), &indices.into_iter().map(|v| v as i32).collect::<Vec<_>>());
        }
        let Some(q) = &value.quant else {
            return Err(Error::new(Code::Internal, format!("input of type {} without quantization", value.dtype)).at(&value.name));
        };
        let codes: Vec<i32> = self.reals(raw)?.into_iter().map(|v| q.code(v.into())).collect();
        match value.dtype {
            d @ (DType::I8 | DType::U8 | DType::I16) => Tensor::from_ints(d, value.shape.clone(), &codes),
            d => Err(Error::new(Code::UnsupportedType, format!("no quantization of inputs to {d}")).at(&value.name)),
        }
    }
}
