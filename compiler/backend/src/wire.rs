//! What goes over the pipes: frames of a header in JSON and a body of raw bytes.
//!
//! A frame is eight bytes of [`MAGIC`], the lengths of header and body, a checksum of both, header, body; numbers are 64 bits,
//! little-endian. Functions travel in their text form, data as they are: the text form of megabytes of weights would be read digit by
//! digit. A digest of the functions says that the text was read back as what was written.

use crate::end::End;
use crate::guest::{Call, Returned};
use crate::job::Job;
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Data, Frames, Module};
use mcompc_target::{Backend, Target};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};

const MAGIC: [u8; 8] = *b"mcompc/1";
const HEAD: usize = 32;

/// What the caller asks.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    Compile { module: &'a Module, job: &'a Job<'a> },
    Run { object: &'a [u8], buffers: &'a [Vec<u8>], calls: &'a [Call] },
}

/// What the worker is to do.
pub(crate) enum Task {
    Compile { module: Module, target: Box<Target>, backend: Backend, weights_section: Option<String>, elsewhere: Vec<String> },
    Run { object: Vec<u8>, buffers: Vec<Vec<u8>>, calls: Vec<Call> },
}

/// What the worker says.
#[derive(Debug)]
pub(crate) enum Answer {
    Compiled { object: Vec<u8>, frames: Frames },
    Ran(Vec<Returned>),
    Refused(Error),
    Panicked(String),
}

#[derive(Serialize, Deserialize)]
struct DataHead {
    name: String,
    bytes: usize,
    align: u32,
    weights: bool,
    export: bool,
}

#[derive(Serialize, Deserialize)]
enum RequestHead {
    Compile {
        target: Box<Target>,
        name: String,
        backend: Backend,
        weights_section: Option<String>,
        elsewhere: Vec<String>,
        text: usize,
        digest: u64,
        data: Vec<DataHead>,
    },
    Run {
        object: usize,
        buffers: Vec<usize>,
        calls: Vec<Call>,
    },
}

#[derive(Serialize, Deserialize)]
enum AnswerHead {
    Compiled { object: usize, frames: Frames },
    Ran(Vec<(i32, Vec<usize>)>),
    Refused { code: String, node: Option<String>, message: String, hint: Option<String>, general: bool },
    Panicked(String),
}

fn internal(what: impl std::fmt::Display) -> Error {
    Error::new(Code::Internal, format!("the worker's protocol: {what}"))
}

fn checksum(parts: &[&[u8]]) -> u64 {
    let mut h = DefaultHasher::new();
    parts.iter().for_each(|p| h.write(p));
    h.finish()
}

/// What is not data, of which the bytes themselves travel.
fn digest(m: &Module) -> u64 {
    let mut h = DefaultHasher::new();
    (&m.funcs, &m.rows).hash(&mut h);
    h.finish()
}

fn frame(head: &impl Serialize, body: &[&[u8]]) -> Result<Vec<u8>> {
    let head = serde_json::to_vec(head).map_err(internal)?;
    let parts: Vec<&[u8]> = std::iter::once(&*head).chain(body.iter().copied()).collect();
    let len: usize = body.iter().map(|b| b.len()).sum();
    let mut out = Vec::with_capacity(HEAD + head.len() + len);
    out.extend(MAGIC);
    for n in [head.len() as u64, len as u64, checksum(&parts)] {
        out.extend(n.to_le_bytes());
    }
    parts.iter().for_each(|p| out.extend(*p));
    Ok(out)
}

/// Reads one frame of at most `limit` bytes.
fn read<H: DeserializeOwned>(from: &mut impl Read, limit: usize) -> io::Result<(H, Vec<u8>)> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut start = [0; HEAD];
    from.read_exact(&mut start)?;
    let number = |i: usize| start[i..i + 8].iter().rev().fold(0_u64, |n, &b| n << 8 | u64::from(b));
    if start[..8] != MAGIC {
        return Err(bad("no frame begins here"));
    }
    let (head, body) = (number(8), number(16));
    if head.checked_add(body).is_none_or(|n| n > limit as u64) {
        return Err(bad("a frame of impossible length"));
    }
    // Memory follows what is there, not what is announced.
    let mut exactly = |n: u64| {
        let mut bytes = Vec::new();
        from.by_ref().take(n).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == n { Ok(bytes) } else { Err(bad("a frame that is cut short")) }
    };
    let (text, bytes) = (exactly(head)?, exactly(body)?);
    if checksum(&[&text, &bytes]) != number(24) {
        return Err(bad("a frame whose checksum is wrong"));
    }
    Ok((serde_json::from_slice(&text)?, bytes))
}

/// Takes pieces of the body from its front.
struct Pieces<'a>(&'a [u8]);

impl<'a> Pieces<'a> {
    fn take(&mut self, n: usize) -> io::Result<&'a [u8]> {
        let (piece, rest) =
            self.0.split_at_checked(n).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the body is too short"))?;
        self.0 = rest;
        Ok(piece)
    }
}

impl<'a> Request<'a> {
    pub(crate) fn compile(module: &'a Module, job: &'a Job<'a>) -> Self {
        Request::Compile { module, job }
    }

    /// Bytes that no answer exceeds.
    pub(crate) fn most(self) -> u64 {
        const REST: u64 = 1 << 26;
        REST + match self {
            // An object is the data and some code.
            Request::Compile { module, .. } => 2 * module.data.iter().map(|d| d.bytes.len() as u64).sum::<u64>(),
            Request::Run { calls, .. } => calls.iter().flat_map(|c| &c.keep).map(|(_, r)| r.len() as u64).sum(),
        }
    }

    pub(crate) fn to_frame(self) -> Result<Vec<u8>> {
        match self {
            Request::Compile { module, job } => {
                let code = Module { funcs: module.funcs.clone(), data: Vec::new(), rows: module.rows.clone() };
                let text = mcompc_kernel::print(&code);
                let one = |d: &Data| DataHead {
                    name: d.name.clone(),
                    bytes: d.bytes.len(),
                    align: d.align,
                    weights: d.weights,
                    export: d.export,
                };
                let head = RequestHead::Compile {
                    target: Box::new(job.target.clone()),
                    name: job.target.name.clone(),
                    backend: job.backend,
                    weights_section: job.weights_section.map(str::to_owned),
                    elsewhere: job.elsewhere.to_vec(),
                    text: text.len(),
                    digest: digest(&code),
                    data: module.data.iter().map(one).collect(),
                };
                let body: Vec<&[u8]> = std::iter::once(text.as_bytes()).chain(module.data.iter().map(|d| &*d.bytes)).collect();
                frame(&head, &body)
            }
            Request::Run { object, buffers, calls } => {
                let sizes = buffers.iter().map(Vec::len).collect();
                let head = RequestHead::Run { object: object.len(), buffers: sizes, calls: calls.to_vec() };
                let body: Vec<&[u8]> = std::iter::once(object).chain(buffers.iter().map(|b| &**b)).collect();
                frame(&head, &body)
            }
        }
    }
}

impl Task {
    /// Reads a request; what the caller got wrong is the inner error.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Result<Self>> {
        let (head, body) = read(from, usize::MAX)?;
        let mut pieces = Pieces(&body);
        Ok(match head {
            RequestHead::Compile { mut target, name, backend, weights_section, elsewhere, text, digest: want, data } => {
                target.name = name;
                let text = String::from_utf8_lossy(pieces.take(text)?);
                let mut all = Vec::with_capacity(data.len());
                for d in data {
                    let bytes = pieces.take(d.bytes)?.to_vec();
                    all.push(Data { name: d.name, bytes, align: d.align, weights: d.weights, export: d.export });
                }
                module(&text, want, all).map(|module| Task::Compile { module, target, backend, weights_section, elsewhere })
            }
            RequestHead::Run { object, buffers, calls } => {
                let object = pieces.take(object)?.to_vec();
                let buffers = buffers.into_iter().map(|n| Ok(pieces.take(n)?.to_vec())).collect::<io::Result<_>>()?;
                Ok(Task::Run { object, buffers, calls })
            }
        })
    }
}

fn module(text: &str, want: u64, data: Vec<Data>) -> Result<Module> {
    let module = mcompc_kernel::parse(text).map_err(internal)?;
    if digest(&module) != want {
        return Err(internal("the text form of the kernels is not read back as what was written"));
    }
    Ok(Module { data, ..module })
}

impl Answer {
    pub(crate) fn to_frame(&self) -> Result<Vec<u8>> {
        match self {
            Answer::Compiled { object, frames } => {
                frame(&AnswerHead::Compiled { object: object.len(), frames: frames.clone() }, &[object.as_slice()])
            }
            Answer::Ran(all) => {
                let head = all.iter().map(|r| (r.status, r.kept.iter().map(Vec::len).collect())).collect();
                let body: Vec<&[u8]> = all.iter().flat_map(|r| r.kept.iter().map(|k| &**k)).collect();
                frame(&AnswerHead::Ran(head), &body)
            }
            Answer::Refused(Error { code, node, message, hint, general }) => {
                let code = code.as_str().to_owned();
                frame(
                    &AnswerHead::Refused { code, node: node.clone(), message: message.clone(), hint: hint.clone(), general: *general },
                    &[],
                )
            }
            Answer::Panicked(message) => frame(&AnswerHead::Panicked(message.clone()), &[]),
        }
    }

    /// From everything a worker wrote.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> std::result::Result<Self, End> {
        let limit = bytes.len();
        let answer = answer(&mut bytes, limit);
        match answer {
            Ok(a) if bytes.is_empty() => Ok(a),
            Ok(_) => Err(End::Garbage("more bytes than one answer".into())),
            Err(_) if limit == 0 => Err(End::Garbage("nothing at all".into())),
            Err(e) => Err(End::Garbage(e.to_string())),
        }
    }
}

fn answer(from: &mut impl Read, limit: usize) -> io::Result<Answer> {
    let (head, body) = read(from, limit)?;
    let mut pieces = Pieces(&body);
    Ok(match head {
        AnswerHead::Compiled { object, frames } => Answer::Compiled { object: pieces.take(object)?.to_vec(), frames },
        AnswerHead::Ran(all) => {
            let mut one = |(status, sizes): (i32, Vec<usize>)| -> io::Result<Returned> {
                let kept = sizes.into_iter().map(|n| Ok(pieces.take(n)?.to_vec())).collect::<io::Result<_>>()?;
                Ok(Returned { status, kept })
            };
            Answer::Ran(all.into_iter().map(&mut one).collect::<io::Result<_>>()?)
        }
        AnswerHead::Refused { code, node, message, hint, general } => {
            let code = Code::ALL.iter().find(|c| c.as_str() == code).copied().unwrap_or(Code::Internal);
            Answer::Refused(Error { code, node, message, hint, general })
        }
        AnswerHead::Panicked(message) => Answer::Panicked(message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcompc_kernel::Machine;

    fn kernels() -> Module {
        let mut m =
            mcompc_kernel::parse("func export @f(%0 \"x\": ptr out align 1 bytes 4) {\n  %1: i32 = const -7\n  store w32 %1, %0\n}\n")
                .unwrap();
        m.data.push(Data { name: "w \"0\"".into(), bytes: (0..=255).collect(), align: 16, weights: true, export: false });
        m.data.push(Data { name: "none".into(), bytes: vec![], align: 1, weights: false, export: true });
        m
    }

    #[test]
    fn a_request_is_read_back_as_it_was() {
        let target = Target::by_name("cortex-m4").unwrap();
        let mut m = kernels();
        let machine: Machine = target.machine(Backend::Mlir).unwrap();
        machine.contract.iter().for_each(|r| {
            m.row(r);
        });
        let elsewhere = ["none".to_owned()];
        let job = Job { target: &target, backend: Backend::Mlir, weights_section: Some(".w"), elsewhere: &elsewhere };
        let bytes = Request::compile(&m, &job).to_frame().unwrap();
        let Ok(Task::Compile { module, target: t, backend, weights_section, elsewhere: e }) = Task::read(&mut &*bytes).unwrap() else {
            panic!()
        };
        assert!(module == m && *t == target && backend == Backend::Mlir && weights_section.as_deref() == Some(".w") && e == elsewhere);
        // A flipped bit anywhere is noticed.
        for i in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[i] ^= 1;
            assert!(Task::read(&mut &*bad).is_err(), "byte {i}");
        }
        assert!(Task::read(&mut &bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn the_most_that_is_read_has_room_for_everything_asked_for() {
        let call = Call { symbol: "f".into(), args: vec![], keep: vec![(0, 0..1 << 30), (0, 0..1 << 30)] };
        assert!(Request::Run { object: &[], buffers: &[], calls: &[call.clone(), call] }.most() > 4 << 30);
    }

    #[test]
    fn answers_are_read_back_as_they_were() {
        let e = Error::new(Code::Backend, "no").at("k").hint("h");
        let Answer::Refused(back) = Answer::from_bytes(&Answer::Refused(e.clone()).to_frame().unwrap()).unwrap() else { panic!() };
        assert_eq!(back, e);
        let ran = vec![Returned { status: -1, kept: vec![vec![1, 2], vec![]] }, Returned { status: 0, kept: vec![vec![3]] }];
        let bytes = Answer::Ran(ran.clone()).to_frame().unwrap();
        let Answer::Ran(back) = Answer::from_bytes(&bytes).unwrap() else { panic!() };
        assert_eq!(back, ran);
        for bad in [
            &bytes[..0],
            &bytes[..20],
            &bytes[..bytes.len() - 1],
            &[&bytes[..], b"x"].concat(),
            b"hello, this is no frame of ours, certainly",
        ] {
            assert!(matches!(Answer::from_bytes(bad), Err(End::Garbage(_))));
        }
    }
}
