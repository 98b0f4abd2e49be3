//! Command line of the fuzzer. Stretches of runs go to child processes, so that a crash, a hang or
//! too much memory ends one stretch and is reported like a panic.
#![forbid(unsafe_code)]

use mcompc_interrupt::Process;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mcompc_fuzz::campaign;
use mcompc_fuzz::target::{TARGETS, Target};

const HELP: &str = "\
cargo xtask fuzz [--target NAME] [--runs N] [--minutes M] [--seed N] [--jobs N]
cargo xtask fuzz [--target NAME] --input FILE      runs one saved input

  --target NAME   what to fuzz (reader)
  --runs N        inputs in all (200000)
  --minutes M     in place of --runs: no further process is started after this time
  --seed N        where the sequence starts (1)
  --jobs N        processes at a time (one a processor)
";

/// Longest a child may take.
const CHILD_LIMIT: Duration = Duration::from_secs(600);
/// Address space of a child, KiB.
const CHILD_MEMORY: &str = "4000000";

struct Options {
    target: &'static Target,
    runs: u64,
    minutes: Option<u64>,
    seed: u64,
    jobs: u64,
    input: Option<PathBuf>,
    child: Option<PathBuf>,
    trace: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let result = if let Some(path) = &options.input {
        replay(&options, path)
    } else if let Some(folder) = &options.child {
        child(&options, folder)
    } else {
        parent(&options)
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let jobs = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let mut options = Options { target: &TARGETS[0], runs: 200_000, minutes: None, seed: 1, jobs, input: None, child: None, trace: None };
    while let Some(key) = args.next() {
        let value = args.next().ok_or_else(|| format!("{key} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|e| format!("{key} {value}: {e}"));
        match key.as_str() {
            "--target" => {
                options.target =
                    TARGETS.iter().find(|target| target.name == value).ok_or_else(|| format!("no target is called '{value}'"))?;
            }
            "--runs" => options.runs = number()?,
            "--minutes" => options.minutes = Some(number()?),
            "--seed" => options.seed = number()?,
            "--jobs" => options.jobs = number()?.max(1),
            "--input" => options.input = Some(value.into()),
            "--child" => options.child = Some(value.into()),
            "--trace" => options.trace = Some(value.into()),
            _ => return Err(format!("no option is called '{key}'")),
        }
    }
    Ok(options)
}

fn replay(options: &Options, path: &Path) -> Result<(), String> {
    let input = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("{}", campaign::one(options.target, &input)?);
    Ok(())
}

/// A stretch: prints each outcome on a line; a failure's input goes to the folder.
fn child(options: &Options, folder: &Path) -> Result<(), String> {
    match campaign::run(options.target, options.seed, options.runs, options.trace.as_deref()) {
        Ok(outcomes) => {
            for outcome in outcomes {
                println!("{outcome}");
            }
            Ok(())
        }
        Err(failure) => {
            let path = folder.join(format!("{}-{}-{}.bin", options.target.name, options.seed, failure.run));
            std::fs::write(&path, &failure.input).map_err(|e| format!("{}: {e}", path.display()))?;
            Err(format!("{}\n  input: {}", failure.message, path.display()))
        }
    }
}

fn parent(options: &Options) -> Result<(), String> {
    let folder = std::env::current_dir().map_err(|e| e.to_string())?.join("target/fuzz-failures");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let start = Instant::now();
    let size = options.target.stretch;
    let stretches = if options.minutes.is_some() { u64::MAX } else { options.runs.div_ceil(size) };
    let end = options.minutes.map(|minutes| start + Duration::from_secs(60 * minutes));
    let done = AtomicU64::new(0);
    let next = AtomicU64::new(0);
    let outcomes = Mutex::new(BTreeSet::new());
    let failures = Mutex::new(Vec::new());
    let work = || {
        loop {
            let stretch = next.fetch_add(1, Ordering::Relaxed);
            if stretch >= stretches || end.is_some_and(|end| Instant::now() > end) {
                return;
            }
            let runs = if options.minutes.is_some() { size } else { size.min(options.runs - stretch * size) };
            done.fetch_add(runs, Ordering::Relaxed);
            match spawn(options, options.seed + stretch, runs, &folder) {
                Ok(found) => locked(&outcomes).extend(found),
                Err(message) => {
                    println!("FAILURE, seed {}: {message}", options.seed + stretch);
                    locked(&failures).push(message);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(work);
        }
    });
    let outcomes = locked(&outcomes);
    for outcome in outcomes.iter() {
        println!("  {outcome}");
    }
    let failed = locked(&failures).len();
    println!(
        "{}: {} runs in {:.0} s, {} kinds of outcome, {failed} stretches of {size} failed",
        options.target.name,
        done.into_inner(),
        start.elapsed().as_secs_f32(),
        outcomes.len(),
    );
    if failed == 0 { Ok(()) } else { Err(format!("inputs are in {}", folder.display())) }
}

/// Runs a stretch in a process of its own. One that dies is run again with a trace.
fn spawn(options: &Options, seed: u64, runs: u64, folder: &Path) -> Result<Vec<String>, String> {
    let (status, text) = process(options, seed, runs, folder, None)?;
    if status == Some(0) {
        return Ok(text.lines().map(str::to_owned).collect());
    }
    if status == Some(1) {
        return Err(text);
    }
    let trace = folder.join(format!("{}-{seed}-crash.bin", options.target.name));
    let (again, _) = process(options, seed, runs, folder, Some(&trace))?;
    Err(format!("the process died ({status:?}, then {again:?})\n  input: {}", trace.display()))
}

/// Exit status (`None`: killed) and standard output.
fn process(options: &Options, seed: u64, runs: u64, folder: &Path, trace: Option<&Path>) -> Result<(Option<i32>, String), String> {
    let fail = |e: std::io::Error| format!("child process: {e}");
    let program = std::env::current_exe().map_err(fail)?;
    // Only the shell can set the limit without a foreign call.
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {CHILD_MEMORY} && exec \"$0\" \"$@\"")]).arg(program);
    command.args(["--target", options.target.name, "--seed", &seed.to_string(), "--runs", &runs.to_string()]);
    command.arg("--child").arg(folder);
    if let Some(trace) = trace {
        command.arg("--trace").arg(trace);
    }
    let log = folder.join(format!("{}-{seed}.log", options.target.name));
    let file = std::fs::File::create(&log).map_err(fail)?;
    let mut child = Process::spawn(command.stdout(file).stderr(Stdio::null())).map_err(fail)?;
    let status = child.wait_at_work(CHILD_LIMIT).map_err(fail)?.and_then(|s| s.code());
    let text = std::fs::read_to_string(&log).map_err(fail)?;
    std::fs::remove_file(&log).map_err(fail)?;
    Ok((status, text))
}

/// The data stay usable after a panic of another worker: each step under the lock is complete.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
