//! A data file as a stream of samples.

use crate::npy::{Header, bad};
use crate::stream::{Source, Stream, open_file};
use crate::{Input, convert, zip};
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
    /// In the order of the inputs asked for.
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
        f.read_exact(&mut magic).map_err(|_| bad("the file is empty or too short"))?;
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

    fn find(&self, name: &str) -> Option<&(String, Source, Header)> {
        self.arrays.iter().find(|a| a.0 == name)
    }

    /// Starts a pass over the samples for these inputs. An array is found by its input's name; where there is one input, `x` will do.
    /// Errors: `BadCalib` for a missing array, a shape or a type that does not fit, or no samples.
    pub fn samples(&self, inputs: &[Input]) -> Result<Samples> {
        let mut columns = Vec::new();
        let mut count = None;
        for input in inputs {
            let name = &input.spec.name;
            let array = self.find(name).or_else(|| if inputs.len() == 1 { self.find("x") } else { None }).ok_or_else(|| {
                bad(format!("{} has no array of this name; it has: {}", self.file, self.names().join(", ")))
                    .at(name)
                    .hint("name each array as the model's input; `x` will do where there is one input")
            })?;
            let n = self.check(array, input).map_err(|e| e.at(&array.0))?;
            if *count.get_or_insert(n) != n {
                let first = count.unwrap_or(0);
                return Err(bad(format!("{n} samples where the first input has {first}")).at(&array.0));
            }
            let stream = Stream::open(&array.1).map_err(|e| e.at(&array.0))?;
            columns.push(Column { name: array.0.clone(), input: input.clone(), stream, buf: Vec::new() });
        }
        Ok(Samples { columns, next: 0, count: count.unwrap_or(0), failed: false })
    }

    /// Number of samples, if the array fits the input.
    fn check(&self, (_, _, h): &(String, Source, Header), input: &Input) -> Result<usize> {
        let spec = &input.spec;
        let Some(elem) = h.elem else {
            return Err(bad(format!("elements of type `{}` are not read", h.descr))
                .hint("store little-endian f2, f4, f8, i1, u1, i2, u2, i4, i8 or bool"));
        };
        if h.fortran {
            return Err(bad("the array is in Fortran order").hint("store numpy.ascontiguousarray(x)"));
        }
        if !convert::fits(elem, spec.dtype) {
            return Err(bad(format!("the array holds {}, but the input is declared as {}", elem.name(), spec.dtype)).hint(format!(
                "declare what the file holds, for instance --input {}={},scale=S,offset=O",
                spec.name,
                elem.name()
            )));
        }
        let want = &input.shape;
        let fits = |rest: &[usize]| rest == want || want.first() == Some(&1) && rest == &want[1..];
        match h.shape.split_first() {
            Some((&n, rest)) if fits(rest) => {
                if n == 0 {
                    Err(bad("the array holds no samples").hint("give at least one sample on axis 0"))
                } else {
                    Ok(n)
                }
            }
            _ => Err(bad(format!("the array's shape is {:?}, expected samples on axis 0 of shape {want:?}", h.shape))
                .hint("axis 0 counts samples; the batch dimension may be left out")),
        }
    }

    /// The labels: array `y`, integers on axis 0, of which there must be `samples`; `None` if there is no such array. Errors: `BadCalib`.
    pub fn labels(&self, samples: usize) -> Result<Option<Vec<i64>>> {
        let Some((name, source, h)) = self.find("y") else { return Ok(None) };
        let read = || {
            let elem =
                h.elem.filter(|e| !e.is_float()).ok_or_else(|| bad(format!("labels are of type `{}`, expected integers", h.descr)))?;
            if h.shape.first() != Some(&samples) || h.shape[1..].iter().any(|&d| d != 1) {
                return Err(bad(format!("labels have shape {:?}, expected [{samples}]", h.shape)));
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

struct Column {
    name: String,
    input: Input,
    stream: Stream,
    buf: Vec<u8>,
}

impl Column {
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
        let inputs: Result<Vec<Tensor>> = self.columns.iter_mut().map(|c| c.next(index, last).map_err(|e| e.at(&c.name))).collect();
        self.failed = inputs.is_err();
        Some(inputs.map(|inputs| Sample { index, inputs }))
    }
}
