//! A process that runs networks and the handle on it: what kills the process, or never ends, is an outcome of the network it was at.

use crate::network::{self, Network, generate};
use crate::oracle::{Config, Job, Notes, Oracle, emulate};
use crate::outcome::{Kind, Outcome};
use crate::source::Source;
use mcompc_interrupt::Patience;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longest a network may take, and longest one emulated program with its compilation, in work done.
const LIMIT: Duration = Duration::from_secs(60);
const EMULATION: Duration = Duration::from_secs(400);

/// What a process is to do: `config` once, then batches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Executors.
    pub config: Config,
    /// Whether forms that are refused are made, too.
    pub beyond: bool,
}

/// Where a network comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum From {
    /// A seed.
    Seed(u64),
    /// Choices.
    Choices(Vec<u32>),
}

impl From {
    /// The network.
    ///
    /// # Errors
    /// None that is not a fault of the generator.
    pub fn network(&self, o: &network::Options) -> mcompc_ir::Result<Network> {
        let source = match self {
            From::Seed(seed) => Source::seed(*seed),
            From::Choices(list) => Source::given(list.clone()),
        };
        generate(source, o)
    }
}

/// What a process says.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    Begin(usize),
    Done(usize, Box<Answer>),
    Emulating,
    Emulated(usize, Outcome),
    End,
}

/// What became of one network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Its outcome.
    pub outcome: Outcome,
    /// What else was seen.
    pub notes: Notes,
    /// Its choices and their parts; empty where the process died.
    pub choices: Vec<u32>,
    /// Stretches of choices.
    pub parts: Vec<(usize, usize)>,
    /// Its operators.
    pub operators: String,
}

impl Answer {
    fn without_end(kind: Kind, message: &str) -> Self {
        let outcome = Outcome::new(kind, "process", message);
        Self { outcome, notes: Notes::default(), choices: Vec::new(), parts: Vec::new(), operators: String::new() }
    }
}

/// The process's side: reads a setup, then a batch a line, until its input ends.
///
/// # Errors
/// A message about lines that cannot be read or written.
pub fn serve() -> Result<(), String> {
    // A panic is an outcome; its text is in it.
    std::panic::set_hook(Box::new(|_| {}));
    let mut lines = std::io::stdin().lock().lines();
    let mut next = || lines.next().transpose().map_err(|e| e.to_string());
    let Some(first) = next()? else { return Ok(()) };
    let setup: Setup = serde_json::from_str(&first).map_err(|e| e.to_string())?;
    let oracle = Oracle::new(&setup.config).map_err(|e| e.to_string())?;
    while let Some(line) = next()? {
        let batch: Vec<From> = serde_json::from_str(&line).map_err(|e| e.to_string())?;
        run_batch(&oracle, &setup, &batch)?;
    }
    Ok(())
}

fn say(line: &Line) -> Result<(), String> {
    let mut text = serde_json::to_string(line).map_err(|e| e.to_string())?;
    text.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| e.to_string())
}

/// One network in this process.
pub fn answer(oracle: &Oracle, from: &From, beyond: bool) -> Answer {
    match from.network(&network::Options { beyond }) {
        Ok(network) => {
            let (outcome, notes) = oracle.run(&network);
            let operators = network.operators();
            Answer { outcome, notes, choices: network.choices, parts: network.parts, operators }
        }
        Err(e) => Answer::without_end(Kind::Invalid, &e.to_string()),
    }
}

fn run_batch(oracle: &Oracle, setup: &Setup, batch: &[From]) -> Result<(), String> {
    let mut jobs: BTreeMap<String, (Vec<usize>, Vec<Job>)> = BTreeMap::new();
    for (i, from) in batch.iter().enumerate() {
        say(&Line::Begin(i))?;
        let mut a = answer(oracle, from, setup.beyond);
        for job in std::mem::take(&mut a.notes.jobs) {
            let list = jobs.entry(job.machine.clone()).or_default();
            list.0.push(i);
            list.1.push(job);
        }
        say(&Line::Done(i, Box::new(a)))?;
    }
    for (numbers, jobs) in jobs.values() {
        // Who does not listen any more will not read the end either.
        let mut begin = || drop(say(&Line::Emulating));
        for (i, outcome) in numbers.iter().zip(emulate::run(jobs, &mut begin)) {
            if outcome.failed() {
                say(&Line::Emulated(*i, outcome))?;
            }
        }
    }
    say(&Line::End)
}

/// A process that runs networks; started anew when it has died.
pub struct Worker {
    setup: Setup,
    process: Option<Process>,
}

struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    /// The last line on standard error, which says why a process ends itself.
    last: Arc<Mutex<String>>,
}

impl Worker {
    /// A handle; the process starts with the first batch.
    pub fn new(setup: Setup) -> Self {
        Self { setup, process: None }
    }

    fn start(setup: &Setup) -> Result<Process, String> {
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        let mut command = Command::new(program);
        command.arg("--worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| e.to_string())?;
        let (Some(mut input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err("a process without pipes".into());
        };
        let last = Arc::new(Mutex::new(String::new()));
        let keep = last.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok).filter(|l| !l.trim().is_empty()) {
                *keep.lock().unwrap_or_else(PoisonError::into_inner) = line;
            }
        });
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let text = serde_json::to_string(setup).map_err(|e| e.to_string())?;
        writeln!(input, "{text}").map_err(|e| e.to_string())?;
        Ok(Process { child, input, lines, last })
    }

    /// Ends the process.
    pub fn stop(&mut self) {
        if let Some(mut p) = self.process.take() {
            // It may be gone already.
            let _ = p.child.kill();
            let _ = p.child.wait();
        }
    }

    /// Runs a batch. Every network gets an answer, also where the process dies or hangs: what it left unfinished is then run one by one.
    ///
    /// # Errors
    /// A message where no process can be started.
    pub fn run(&mut self, batch: &[From]) -> Result<Vec<Answer>, String> {
        let (mut answers, end) = self.attempt(batch)?;
        if let Some((at, end)) = end {
            // Code is emulated after the last network: what was answered before a bad end has not been yet.
            if self.setup.config.qemu {
                answers.fill(None);
            }
            if batch.len() == 1 || !at.emulating {
                answers[at.network] = Some(end);
            }
            for (answer, from) in answers.iter_mut().zip(batch).filter(|(a, _)| a.is_none()) {
                let (mut one, end) = self.attempt(std::slice::from_ref(from))?;
                *answer = end.map(|(_, end)| end).or_else(|| one.pop().flatten());
            }
        }
        answers.into_iter().collect::<Option<_>>().ok_or_else(|| "a process that leaves networks out".into())
    }

    /// Answers, and where the process came to a bad end the answer that this is.
    #[allow(clippy::type_complexity)]
    fn attempt(&mut self, batch: &[From]) -> Result<(Vec<Option<Answer>>, Option<(At, Answer)>), String> {
        let mut answers = vec![None; batch.len()];
        if self.process.is_none() {
            self.process = Some(Self::start(&self.setup)?);
        }
        let Some(p) = &mut self.process else { return Err("no process".into()) };
        let text = serde_json::to_string(batch).map_err(|e| e.to_string())?;
        let (mut at, mut limit) = (At::default(), LIMIT);
        let id = p.child.id();
        let mut ended = writeln!(p.input, "{text}").is_err();
        while !ended {
            let patience = Patience::new(id, limit);
            let received = loop {
                match p.lines.recv_timeout(LIMIT) {
                    Err(RecvTimeoutError::Timeout) if !patience.is_over() => {}
                    other => break other,
                }
            };
            match received {
                Ok(line) => match serde_json::from_str(&line) {
                    Ok(Line::Begin(i)) => at.network = i,
                    Ok(Line::Done(i, a)) => answers[i] = Some(*a),
                    Ok(Line::Emulating) => (at.emulating, limit) = (true, EMULATION),
                    Ok(Line::Emulated(i, outcome)) => {
                        if let Some(a) = answers[i].as_mut().filter(|a: &&mut Answer| !a.outcome.failed()) {
                            a.outcome = outcome;
                        }
                    }
                    Ok(Line::End) => return Ok((answers, None)),
                    // What LLVM prints in place of an answer.
                    Err(_) => {}
                },
                Err(RecvTimeoutError::Timeout) => {
                    self.stop();
                    return Ok((answers, Some((at, Answer::without_end(Kind::Hang, "no end in time")))));
                }
                Err(RecvTimeoutError::Disconnected) => ended = true,
            }
        }
        let Some(mut p) = self.process.take() else { return Err("no process".into()) };
        let status = p.child.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
        // The thread that reads standard error ends with it.
        std::thread::sleep(Duration::from_millis(20));
        let last = p.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((answers, Some((at, Answer::without_end(Kind::Abort, &format!("{last} ({status})"))))))
    }
}

/// Where a process came to its end.
#[derive(Clone, Copy, Debug, Default)]
struct At {
    /// The network that it was at.
    network: usize,
    /// Whether all networks were done and their code was being emulated.
    emulating: bool,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}
