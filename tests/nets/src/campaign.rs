//! A whole run: batches to processes, failures sorted and made small, the summary.

use crate::options::Options;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcompc_nets::network;
use mcompc_nets::oracle::write_npz;
use mcompc_nets::outcome::{Kind, Outcome};
use mcompc_nets::shrink::{Case, shrink};
use mcompc_nets::worker::{Answer, From, Worker};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Runs that shrinking a failure may take.
const BUDGET: usize = 2000;

/// A failure of a sort that was not seen before.
struct Failure {
    seed: u64,
    outcome: Outcome,
    operators: String,
    file: Option<String>,
    count: u64,
}

#[derive(Default)]
struct Tally {
    kinds: BTreeMap<Kind, u64>,
    refusals: BTreeMap<String, (u64, u64, String)>,
    failures: BTreeMap<String, Failure>,
    suspicious: Vec<(u64, String, f64)>,
    operators: BTreeMap<String, u64>,
    bytes: u64,
    modules: u64,
    objects: u64,
}

/// Runs everything; whether nothing failed.
///
/// # Errors
/// A message where processes cannot be started or files not written.
pub fn run(o: &Options) -> Result<bool, String> {
    std::fs::create_dir_all(&o.out).map_err(|e| format!("{}: {e}", o.out.display()))?;
    let start = Instant::now();
    let bar = progress(if o.given.is_some() { 1 } else { o.count });
    let tally = Mutex::new(Tally::default());
    let next = AtomicU64::new(0);
    let trouble = Mutex::new(None);
    let size = if o.setup.config.qemu { o.batch as u64 } else { 8 };
    let work = || {
        let mut worker = Worker::new(o.setup.clone());
        loop {
            let from = next.fetch_add(size, Ordering::Relaxed);
            let end = (from + size).min(if o.given.is_some() { 1 } else { o.count });
            if from >= end || locked(&trouble).is_some() {
                return;
            }
            let batch: Vec<From> = match &o.given {
                Some(given) => vec![given.clone()],
                None => (from..end).map(|i| From::Seed(o.seed + i)).collect(),
            };
            let result = worker
                .run(&batch)
                .and_then(|answers| answers.into_iter().zip(from..).try_for_each(|(a, i)| record(o, &tally, o.seed + i, a, &bar)));
            bar.inc(end - from);
            if let Err(message) = result {
                locked(&trouble).get_or_insert(message);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..o.jobs {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
    if let Some(message) = locked(&trouble).take() {
        return Err(message);
    }
    let tally = locked(&tally);
    if o.json {
        println!("{}", summary(&tally, start.elapsed().as_secs_f64()));
    } else {
        print(&tally, start.elapsed().as_secs_f64());
    }
    Ok(tally.failures.is_empty())
}

fn record(o: &Options, tally: &Mutex<Tally>, seed: u64, a: Answer, bar: &ProgressBar) -> Result<(), String> {
    let key = a.outcome.key();
    let new = {
        let mut t = locked(tally);
        *t.kinds.entry(a.outcome.kind).or_default() += 1;
        t.bytes += a.notes.bytes;
        t.modules += a.notes.modules;
        t.objects += a.notes.objects;
        for op in a.operators.split(", ") {
            *t.operators.entry(op.to_owned()).or_default() += 1;
        }
        if let Some((name, error)) = &a.notes.suspicious {
            t.suspicious.push((seed, name.clone(), *error));
        }
        if a.outcome.kind == Kind::Refused {
            t.refusals.entry(key.clone()).or_insert_with(|| (0, seed, a.outcome.message.clone())).0 += 1;
        }
        if !a.outcome.failed() {
            return Ok(());
        }
        let failure = Failure { seed, outcome: a.outcome.clone(), operators: a.operators.clone(), file: None, count: 0 };
        let entry = t.failures.entry(key.clone()).or_insert(failure);
        entry.count += 1;
        entry.count == 1
    };
    if !new {
        return Ok(());
    }
    bar.suspend(|| eprintln!("seed {seed}: {}", a.outcome));
    let from = o.given.clone().unwrap_or(From::Seed(seed));
    let network = from.network(&network::Options { beyond: o.setup.beyond }).map_err(|e| e.to_string())?;
    let case = Case { choices: network.choices, parts: network.parts };
    let mut setup = o.setup.clone();
    setup.config = setup.config.narrowed(&a.outcome);
    let mut narrow = Worker::new(setup);
    let small = if o.shrink {
        shrink(case, BUDGET, |choices| {
            let mut answers = narrow.run(&[From::Choices(choices.to_vec())]).ok()?;
            let a = answers.pop()?;
            if a.outcome.key() != key {
                return None;
            }
            // A process that died has not told its choices.
            let network = From::Choices(choices.to_vec()).network(&network::Options { beyond: o.setup.beyond }).ok()?;
            Some(Case { choices: network.choices, parts: network.parts })
        })
    } else {
        case
    };
    let (file, operators) = write(o, seed, &key, &small.choices).map_err(|e| format!("{}: {e}", o.out.display()))?;
    bar.suspend(|| eprintln!("  smallest: {file}"));
    if let Some(f) = locked(tally).failures.get_mut(&key) {
        (f.operators, f.file) = (operators, Some(file));
    }
    Ok(())
}

/// Writes a failing network with its data and how to run it again; the path without extension, and its operators.
fn write(o: &Options, seed: u64, key: &str, choices: &[u32]) -> Result<(String, String), String> {
    let beyond = o.setup.beyond;
    let network = From::Choices(choices.to_vec()).network(&network::Options { beyond }).map_err(|e| e.to_string())?;
    let base = o.out.join(format!("net-{seed}"));
    let at = |extension: &str| base.with_extension(extension);
    let put = |path: &Path, bytes: &[u8]| std::fs::write(path, bytes).map_err(|e| e.to_string());
    put(&at("onnx"), &network.bytes())?;
    write_npz(&at("npz"), &network.input_names(), &network.columns).map_err(|e| e.to_string())?;
    put(&at("choices"), choices.iter().map(u32::to_string).collect::<Vec<_>>().join(" ").as_bytes())?;
    let mut worker = Worker::new(o.setup.clone());
    let outcome = worker.run(&[From::Choices(choices.to_vec())])?.pop().map(|a| a.outcome.to_string()).unwrap_or_default();
    let inputs: String = network.columns.iter().filter_map(|c| c.flag.as_ref()).fold(String::new(), |s, f| s + &format!(" --input '{f}'"));
    let config = &o.setup.config;
    let mut flags = String::new();
    for (flag, on) in [("--mlir", config.mlir), ("--qemu", config.qemu), ("--ort", config.ort), ("--beyond", beyond)] {
        if on {
            let _ = write!(flags, " {flag}");
        }
    }
    let shown = base.display();
    let text = format!(
        "{outcome}\n\nfound as: {key}\noperators: {}\n\nas found:  cargo xtask random-nets --seed {seed} --count 1{flags}\nsmallest:  cargo xtask random-nets --choices {shown}.choices{flags}\nmcompc verify {shown}.onnx --target host --calib {shown}.npz --data {shown}.npz{inputs}\n",
        network.operators()
    );
    put(&at("txt"), text.as_bytes())?;
    Ok((shown.to_string(), network.operators()))
}

fn summary(t: &Tally, seconds: f64) -> serde_json::Value {
    let total: u64 = t.kinds.values().sum();
    json!({
        "networks": total,
        "seconds": seconds,
        "kinds": t.kinds.iter().map(|(k, n)| (format!("{k:?}").to_lowercase(), n)).collect::<BTreeMap<_, _>>(),
        "refused_percent": 100.0 * *t.kinds.get(&Kind::Refused).unwrap_or(&0) as f64 / total.max(1) as f64,
        "refusals": t.refusals.iter().map(|(k, (n, seed, m))| json!({"key": k, "count": n, "seed": seed, "message": m})).collect::<Vec<_>>(),
        "failures": t.failures.iter().map(|(k, f)| json!({
            "key": k, "count": f.count, "seed": f.seed, "outcome": f.outcome, "operators": f.operators, "file": f.file,
        })).collect::<Vec<_>>(),
        "suspicious": t.suspicious.iter().map(|(s, o, e)| json!({"seed": s, "output": o, "error_over_variance": e})).collect::<Vec<_>>(),
        "operators": t.operators,
        "bytes_compared": t.bytes,
        "modules_interpreted": t.modules,
        "objects": t.objects,
    })
}

fn print(t: &Tally, seconds: f64) {
    let total: u64 = t.kinds.values().sum();
    println!(
        "{total} networks in {seconds:.0} s; {} modules interpreted, {} objects, {} layer bytes compared",
        t.modules, t.objects, t.bytes
    );
    for (kind, n) in &t.kinds {
        println!("  {:8} {n:6}  {:.2} %", format!("{kind:?}").to_lowercase(), 100.0 * *n as f64 / total.max(1) as f64);
    }
    if !t.refusals.is_empty() {
        println!("refused:");
    }
    let mut refusals: Vec<_> = t.refusals.values().collect();
    refusals.sort_by(|a, b| b.0.cmp(&a.0));
    for (n, seed, message) in refusals {
        println!("  {n:5}  seed {seed}: {message}");
    }
    if !t.suspicious.is_empty() {
        println!("int8 with a squared error over half of an output's variance:");
    }
    for (seed, output, error) in &t.suspicious {
        println!("  seed {seed}: `{output}` {error:.2}");
    }
    if !t.failures.is_empty() {
        println!("FAILED:");
    }
    for f in t.failures.values() {
        println!(
            "  {:5}  seed {}: {}\n         smallest: {} ({})",
            f.count,
            f.seed,
            f.outcome,
            f.operators,
            f.file.as_deref().unwrap_or("not made")
        );
    }
}

fn progress(total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("networks {bar:32} {pos}/{len} {per_sec} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// The data stay usable after a panic of another thread: each step under the lock is complete.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
