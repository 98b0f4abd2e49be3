//! `mcompc run`.

use crate::answer::Answer;
use crate::args::Given;
use crate::options::request;
use mcompc_driver::{Array, Means, Progress, Ran, RunRequest};
use mcompc_interrupt::{Folder, step};
use mcompc_ir::{Code, DType, Error, Result, Tensor};
use npyz::WriterBuilder;
use npyz::npz::NpzWriter;
use std::fmt::Write;
use std::io;
use std::path::Path;

pub(crate) fn run(g: &Given, progress: &dyn Progress) -> Result<Answer> {
    let o = request(g)?;
    let means = match (g.reference, g.integers) {
        (true, true) => {
            return Err(Error::new(Code::Usage, "--reference and --integers both say what computes").hint("give one of them"));
        }
        (true, false) => Means::Reference,
        (false, true) => Means::Integers,
        _ => Means::Code,
    };
    if g.codes && means == Means::Reference {
        return Err(Error::new(Code::Usage, "--codes asks for integers, the float model has none").hint("leave one of the flags out"));
    }
    let Some(data) = g.data.clone().or_else(|| o.calib.clone()) else {
        return Err(
            Error::new(Code::Usage, "there are no samples to run").hint("give --data FILE, or --calib FILE whose samples then serve")
        );
    };
    let ran = mcompc_driver::run(&o, &RunRequest { data, limit: g.limit, means }, progress)?;
    write(&g.out, &ran, g.codes).map_err(|e| {
        Error::new(Code::Io, format!("cannot write `{}`: {e}", g.out.display())).hint("give a file in a folder that can be written")
    })?;
    let one = |a: &Array| serde_json::json!({"name": a.name, "shape": stacked(ran.samples, a)});
    let outputs: Vec<serde_json::Value> = ran.outputs.iter().map(one).collect();
    let json = serde_json::json!({
        "name": o.name, "target": o.target.name, "backend": o.backend.name(), "machine": ran.machine, "samples": ran.samples,
        "outputs": outputs, "unused": ran.unused, "out": g.out.display().to_string(),
    });
    Ok(Answer { text: text(&ran, &g.out), json })
}

/// Shape of the array of all samples.
fn stacked(samples: usize, a: &Array) -> Vec<usize> {
    [&[samples], &a.shape[..]].concat()
}

fn text(ran: &Ran, out: &Path) -> String {
    let mut s = format!("{} samples, run by {}\n", ran.samples, ran.machine);
    for a in &ran.outputs {
        let (lo, hi) = a.reals.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), &x| (lo.min(x), hi.max(x)));
        let _ = writeln!(s, "  {} {:?}: {lo} to {hi}", a.name, stacked(ran.samples, a));
    }
    for name in &ran.unused {
        let _ = writeln!(s, "  warning: array `{name}` of the data is of no input and was not read");
    }
    let _ = writeln!(s, "  wrote {}", out.display());
    s
}

/// All arrays in one file, which is there as a whole or not at all.
fn write(path: &Path, ran: &Ran, codes: bool) -> io::Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = Folder::new_in(parent)?;
    let part = folder.path().join("outputs.npz");
    archive(&part, ran, codes)?;
    step(|| std::fs::rename(&part, path))
}

fn archive(path: &Path, ran: &Ran, codes: bool) -> io::Result<()> {
    let mut npz = NpzWriter::create(path)?;
    for a in &ran.outputs {
        let shape: Vec<u64> = stacked(ran.samples, a).into_iter().map(|d| d as u64).collect();
        match a.codes.as_ref().filter(|_| codes) {
            None => array(&mut npz, &a.name, &shape, &a.reals)?,
            Some(all) => integers(&mut npz, a, &shape, all)?,
        }
    }
    Ok(())
}

type Npz = NpzWriter<io::BufWriter<std::fs::File>>;

fn integers(npz: &mut Npz, a: &Array, shape: &[u64], all: &[Tensor]) -> io::Result<()> {
    let numbers = all.iter().map(Tensor::to_i64_vec).collect::<Result<Vec<_>>>().map_err(|e| io::Error::other(e.to_string()))?.concat();
    match all.first().map_or(DType::I8, |t| t.dtype) {
        DType::I8 => array(npz, &a.name, shape, &numbers.iter().map(|&v| v as i8).collect::<Vec<_>>()),
        DType::U8 => array(npz, &a.name, shape, &numbers.iter().map(|&v| v as u8).collect::<Vec<_>>()),
        DType::I16 => array(npz, &a.name, shape, &numbers.iter().map(|&v| v as i16).collect::<Vec<_>>()),
        _ => array(npz, &a.name, shape, &numbers.iter().map(|&v| v as i32).collect::<Vec<_>>()),
    }
}

fn array<T: npyz::AutoSerialize + Copy>(npz: &mut Npz, name: &str, shape: &[u64], data: &[T]) -> io::Result<()> {
    let mut writer = npz.array(name, Default::default())?.default_dtype().shape(shape).begin_nd()?;
    writer.extend(data.iter().copied())?;
    writer.finish()
}
