//! The float outputs against ONNX Runtime, in one python3 process for many networks.

use super::float::{Float, TAME, differs, differs_where};
use super::{Step, at, mismatch, noise, write_npz};
use crate::network::Network;
use crate::outcome::{Kind, Outcome};
use crate::samples::Column;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The process.
pub(crate) struct Runtime {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Runtime {
    /// Starts it; `None` where python3 has no ONNX Runtime.
    pub fn start() -> Option<Self> {
        let mut command = Command::new("python3");
        command.args(["-c", include_str!("ort.py")]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let (input, output) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut runtime = Self { child, input, output };
        (runtime.line()? == "ready").then_some(runtime)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).ok().filter(|&n| n > 0)?;
        Some(line.trim_end().to_owned())
    }

    /// Compares the outputs of the first sample.
    pub fn compare(&mut self, network: &Network, float: &Float, folder: &Path) -> Step {
        let Some(first) = float.reals.first() else { return Ok(()) };
        let columns: Vec<Column> = first.iter().map(|t| Column { flag: None, data: vec![t.clone()] }).collect();
        let [model, data, result] = ["ort.onnx", "ort.npz", "ort.bin"].map(|n| folder.join(n));
        write_npz(&data, &network.input_names(), &columns).map_err(at("data"))?;
        let broken = |what: &str| Box::new(Outcome::new(Kind::Invalid, "onnxruntime", what));
        std::fs::write(&model, network.bytes()).map_err(|e| broken(&e.to_string()))?;
        writeln!(self.input, "{}\t{}\t{}", model.display(), data.display(), result.display()).map_err(|e| broken(&e.to_string()))?;
        let answer = self.line().ok_or_else(|| broken("python3 ended"))?;
        // What it has no code for says nothing of the model.
        if answer.contains("not supported") || answer.contains("NOT_IMPLEMENTED") {
            return Ok(());
        }
        if answer != "ok" {
            return Err(broken(&answer));
        }
        let bytes = std::fs::read(&result).map_err(|e| broken(&e.to_string()))?;
        let have: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let mut rest = &have[..];
        let wanted = float.outputs.first().map_or(&[][..], Vec::as_slice);
        let mut undecided: Option<Vec<Vec<bool>>> = None;
        for (i, (o, want)) in float.canonical.outputs.iter().zip(wanted).enumerate() {
            let Ok(want) = want.as_f32() else { continue };
            let (part, tail) = rest.split_at(want.len().min(rest.len()));
            rest = tail;
            if float.scale > TAME || differs(&want, part, float.scale).is_none() {
                continue;
            }
            let open = match undecided.take() {
                Some(u) => u,
                None => noise::undecided(&float.canonical, first, wanted, float.scale).map_err(at("reference"))?,
            };
            let counts = |at: usize| open.get(i).and_then(|o| o.get(at)) != Some(&true);
            let found = differs_where(&want, part, float.scale, counts);
            undecided = Some(open);
            if let Some(what) = found {
                let op = &float.canonical.node(o.value.node).op;
                return Err(mismatch(format!("onnxruntime, output of {op}"), format!("output `{}`: {what}", o.name)));
            }
        }
        Ok(())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
