//! A data file as a stream of samples.

use crate::npy::{Header, bad};
use crate::stream::{Source, Stream, open_file};
use crate::{Input, convert, fit, zip};
use mcompc_ir::{Code, Error, Result, Tensor};
use std::io::Read;
use std::path::Path;

/// The arrays of a `.npz` or `.npy` file; their elements stay on disk.
#[derive(Debug)]
pub struct Dataset {
    file: String,
    arrays: Vec<(String, Source, Header)>,
}

/// One sample: a raw tensor per graph input, in the spec's type and the graph input's shape.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Position on axis 0.
    pub index: usize,
    /// In the order of the inputs asked for; states as they start.
    pub inputs: Vec<Tensor>,
}

impl Dataset {
    /// Reads the directory and the headers. Errors: `Io`, `BadCalib`.
    pub fn open(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        Self::open_arrays(path).map(|arrays| Self { file: file.clone(), arrays }).map_err(|e| e.at(file))
    }

    fn open_arrays(path: &Path) -> Result<Vec<(String, Source, Header)>> {
        let mut f = open_file(path)?;
        let mut magic = [0u8; 4];
        f.read_exact(&mut magic).map_err(|e| match e.kind() {
            std::io::ErrorKind::IsADirectory => bad("this is a folder").hint("give a .npz or .npy file; images are stacked into one array"),
            _ => bad("the file is empty or too short"),
        })?;
        if !magic.starts_with(b"PK") && !magic.starts_with(b"\x93NUM") {
            return Err(bad("not a .npz or .npy file").hint("write the samples as one array with numpy.savez or numpy.save"));
        }
        let sources: Vec<(String, Source)> = if magic.starts_with(b"PK") {
            let list = zip::entries(&mut f)?;
            let name = |e: &zip::Entry| e.name.strip_suffix(".npy").unwrap_or(&e.name).to_string();
            list.into_iter().map(|e| (name(&e), Source { path: path.into(), entry: Some(e) })).collect()
        } else {
            vec![("x".into(), Source { path: path.into(), entry: None })]
        };
        if sources.is_empty() {
            return Err(bad("the archive holds no array"));
        }
        sources
            .into_iter()
            .map(|(n, s)| match Stream::open(&s) {
                Ok(st) => Ok((n, s, st.header)),
                Err(e) => Err(e.at(n)),
            })
            .collect()
    }

    /// Names of the arrays, in the file's order; the array of a `.npy` file is called `x`.
    pub fn names(&self) -> Vec<&str> {
        self.arrays.iter().map(|a| a.0.as_str()).collect()
    }

    /// Arrays that neither an input asks for nor are labels.
    pub fn unused(&self, inputs: &[Input]) -> Vec<&str> {
        let alone = matches!(read(inputs)[..], [only] if self.find(&only.spec.name).is_none());
        let used = |n: &str| n == LABELS || inputs.iter().any(|i| i.spec.name == n) || alone && n == "x";
        self.names().into_iter().filter(|n| !used(n)).collect()
    }

    fn find(&self, name: &str) -> Option<&(String, Source, Header)> {
        self.arrays.iter().find(|a| a.0 == name)
    }

    // How the file would be written for these inputs.
    fn rename(inputs: &[Input]) -> String {
        let args: Vec<String> = read(inputs).iter().map(|i| format!("'{}': ..", i.spec.name)).collect();
        let or = if args.len() == 1 { ", or `x`" } else { "" };
        format!("call each array as the model's input{or}: numpy.savez(file, **{{{}}})", args.join(", "))
    }

    /// Starts a pass over the samples for these inputs. An array is found by its input's name; where there is one input, `x` will do.
    /// Errors: `BadCalib` for a missing array, a shape or a type that does not fit, or no samples.
    pub fn samples(&self, inputs: &[Input]) -> Result<Samples> {
        let mut columns = Vec::new();
        let mut count = None;
        let alone = read(inputs).len() == 1;
        for input in inputs {
            if let Some(start) = &input.start {
                columns.push(Column::State(start.clone()));
                continue;
            }
            let name = &input.spec.name;
            let array = self.find(name).or_else(|| if alone { self.find("x") } else { None }).ok_or_else(|| {
                bad(format!("{} has no array of this name; it has: {}", self.file, self.names().join(", ")))
                    .at(name)
                    .hint(Self::rename(inputs))
            })?;
            let n = fit::samples(&array.2, input).map_err(|e| e.at(&array.0))?;
            if *count.get_or_insert(n) != n {
                let first = count.unwrap_or(0);
                return Err(bad(format!("{n} samples where the first input has {first}"))
                    .at(&array.0)
                    .hint("sample i of every input is one call of the model: store as many of each"));
            }
            let stream = Stream::open(&array.1).map_err(|e| e.at(&array.0))?;
            columns.push(Column::Array(Box::new(Array { name: array.0.clone(), input: input.clone(), stream, buf: Vec::new() })));
        }
        if count.is_none() {
            return Err(
                bad("every input is a state: nothing in the file says how many steps there are").hint("tie fewer inputs with --state")
            );
        }
        Ok(Samples { columns, next: 0, count: count.unwrap_or(0), failed: false })
    }

    /// The inputs with states that start at what this file says, where it does. Errors: those of [`Dataset::start`].
    pub fn started(&self, inputs: &[Input]) -> Result<Vec<Input>> {
        let one = |i: &Input| {
            let start = i.start.as_ref().map(|s| Ok(self.start(&i.spec.name, &i.shape)?.unwrap_or_else(|| s.clone()))).transpose()?;
            Ok(Input { start, ..i.clone() })
        };
        inputs.iter().map(one).collect()
    }

    /// What a state starts at: the array of its name, of one sample's shape (a leading 1 may be left out); `None` if there is no such array.
    /// Errors: `BadCalib` for another shape, or for what are no floats; `NotFinite`.
    pub fn start(&self, name: &str, shape: &[usize]) -> Result<Option<Tensor>> {
        let Some((name, source, h)) = self.find(name) else { return Ok(None) };
        let one = if shape.first() == Some(&1) { &shape[1..] } else { shape };
        let read = || {
            let Some(elem) = h.elem.filter(|e| e.is_float() && !h.fortran) else {
                return Err(bad(format!("what a state starts at is of type `{}`, expected floats in C order", h.descr)));
            };
            if h.shape != shape && h.shape != one {
                return Err(bad(format!("what a state starts at has shape {:?}, the state {shape:?}", h.shape)).hint(
                    "the array of a state is what its first step is given, not one of every sample; leave it out to start at zeros",
                ));
            }
            let mut s = Stream::open(source)?;
            let mut b = vec![0u8; shape.iter().product::<usize>() * elem.size()];
            s.fill(&mut b)?;
            s.finish()?;
            let t = convert::tensor(&b, elem, mcompc_ir::DType::F32, shape)?;
            match convert::first_non_finite(&t)? {
                None => Ok(Some(t)),
                Some(i) => {
                    Err(Error::new(Code::NotFinite, format!("NaN or infinite at element {i}")).hint("repair what the state starts at"))
                }
            }
        };
        read().map_err(|e: Error| e.at(name))
    }

    /// The labels: array `y`, integers on axis 0, of which there must be `samples`; `None` if there is no such array, or if it is an input's.
    /// Errors: `BadCalib`.
    pub fn labels(&self, inputs: &[Input], samples: usize) -> Result<Option<Vec<i64>>> {
        let own = inputs.iter().any(|i| i.spec.name == LABELS);
        let Some((name, source, h)) = self.find(LABELS).filter(|_| !own) else { return Ok(None) };
        let read = || {
            let elem = h.elem.filter(|e| !e.is_float()).ok_or_else(|| {
                bad(format!("labels are of type `{}`, expected integers", h.descr))
                    .hint("store y.astype('int64'): the number of the right class")
            })?;
            if h.shape.first() != Some(&samples) || h.shape[1..].iter().any(|&d| d != 1) {
                return Err(bad(format!("labels have shape {:?}, expected [{samples}]", h.shape))
                    .hint("store one class number a sample (numpy.argmax of one-hot labels)"));
            }
            let mut s = Stream::open(source)?;
            let mut labels = Vec::new();
            let mut b = vec![0u8; elem.size()];
            for _ in 0..samples {
                s.fill(&mut b)?;
                labels.extend(convert::tensor(&b, elem, mcompc_ir::DType::I64, &[1])?.to_i64_vec()?);
            }
            s.finish()?;
            Ok(Some(labels))
        };
        read().map_err(|e: Error| e.at(name))
    }
}

/// The array of labels.
const LABELS: &str = "y";

/// The inputs whose samples a file holds.
fn read(inputs: &[Input]) -> Vec<&Input> {
    inputs.iter().filter(|i| i.start.is_none()).collect()
}

enum Column {
    Array(Box<Array>),
    /// What a state starts at.
    State(Tensor),
}

struct Array {
    name: String,
    input: Input,
    stream: Stream,
    buf: Vec<u8>,
}

impl Array {
    fn next(&mut self, index: usize, last: bool) -> Result<Tensor> {
        let h = &self.stream.header;
        let elem = h.elem.ok_or_else(|| bad("unreadable elements"))?;
        let elems: usize = self.input.shape.iter().product();
        self.buf.resize(elems * elem.size(), 0);
        self.stream.fill(&mut self.buf)?;
        if last {
            self.stream.finish()?;
        }
        let t = convert::tensor(&self.buf, elem, self.input.spec.dtype, &self.input.shape)?;
        if let Some(i) = convert::first_non_finite(&t)? {
            return Err(Error::new(Code::NotFinite, format!("sample {index} is NaN or infinite at element {i}"))
                .hint("remove or repair the sample"));
        }
        Ok(t)
    }
}

/// Iterator over samples; after an error it ends.
pub struct Samples {
    columns: Vec<Column>,
    next: usize,
    count: usize,
    failed: bool,
}

impl Samples {
    /// Samples in the file.
    pub fn total(&self) -> usize {
        self.count
    }
}

impl Iterator for Samples {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.next >= self.count {
            return None;
        }
        let index = self.next;
        self.next += 1;
        let last = self.next == self.count;
        let column = |c: &mut Column| match c {
            Column::Array(c) => c.next(index, last).map_err(|e| e.at(&c.name)),
            Column::State(start) => Ok(start.clone()),
        };
        let inputs: Result<Vec<Tensor>> = self.columns.iter_mut().map(column).collect();
        self.failed = inputs.is_err();
        Some(inputs.map(|inputs| Sample { index, inputs }))
    }
}
