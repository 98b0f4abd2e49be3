//! A network on every executor: each stage compares its result with another party's.

mod differ;
pub mod emulate;
mod float;
mod integer;
mod kernels;
mod noise;
mod npz;
mod ort;

pub use emulate::Job;
pub use npz::write as write_npz;

use crate::network::{Level, Network};
use crate::outcome::{Kind, Outcome};
use mcompc_data::InputSpec;
use mcompc_ir::Result;
use mcompc_target::{Backend, Target};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What to run. Names, so that it can be handed to another process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Names of levels; empty for int8 and the one that the network chose.
    pub levels: Vec<String>,
    /// Targets whose machine descriptions the kernel interpreter runs.
    pub targets: Vec<String>,
    /// Whether objects are made, and run where this computer can.
    pub native: bool,
    /// Whether objects are made only for targets that this computer can run.
    pub here: bool,
    /// Whether the MLIR back end makes them, too.
    pub mlir: bool,
    /// Whether objects are kept for emulation.
    pub qemu: bool,
    /// Whether float outputs are compared with ONNX Runtime's.
    pub ort: bool,
    /// Squared error over variance from which on an int8 output is a failure.
    pub max_error: Option<f64>,
}

impl Config {
    /// Every machine, native code by Cranelift.
    ///
    /// # Errors
    /// Those of reading the targets.
    pub fn every_target() -> Result<Self> {
        let targets = Target::all()?.into_iter().map(|t| t.name).collect();
        Ok(Self { levels: Vec::new(), targets, native: true, here: false, mlir: false, qemu: false, ort: false, max_error: None })
    }
    /// The same for the place of an outcome alone: its level and target, where it has one.
    pub fn narrowed(&self, outcome: &Outcome) -> Self {
        let mut c = self.clone();
        if let Some((level, target, backend)) = outcome.place() {
            (c.levels, c.targets) = (vec![level.into()], vec![target.into()]);
            c.mlir &= backend == "mlir";
            c.qemu &= outcome.stage.starts_with("emulated");
        }
        c.ort &= outcome.stage.starts_with("onnxruntime");
        c
    }
    fn levels(&self, network: &Network) -> Vec<Level> {
        if self.levels.is_empty() {
            return vec![Level::Int8, network.level];
        }
        self.levels.iter().filter_map(|l| Level::by_name(l)).collect()
    }
}

/// A target with a back end that reaches it.
pub(crate) struct Site {
    pub target: Target,
    pub backend: Backend,
}

impl Site {
    pub fn name(&self) -> String {
        format!("{} by {}", self.target.name, self.backend.name())
    }
}

/// All that is reused from network to network.
pub struct Oracle {
    config: Config,
    sites: Vec<Site>,
    folder: tempfile::TempDir,
    serial: std::cell::Cell<u64>,
    runtime: std::cell::RefCell<Option<ort::Runtime>>,
}

/// What a run found beside its outcome.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Notes {
    /// Bytes of layers' results that were compared.
    pub bytes: u64,
    /// Kernel modules that the interpreter ran.
    pub modules: u64,
    /// Number of the network in its process; makes symbols unique.
    pub serial: u64,
    /// Objects that were made.
    pub objects: u64,
    /// Output with a suspiciously large error of int8: its name, squared error over variance.
    pub suspicious: Option<(String, f64)>,
    /// Objects to emulate, with what they must give.
    #[serde(skip)]
    pub jobs: Vec<Job>,
}

impl Oracle {
    /// Prepares a run.
    ///
    /// # Errors
    /// `UnknownTarget` for a target that there is not; `Io` for the temporary folder.
    pub fn new(config: &Config) -> Result<Self> {
        let mut sites = Vec::new();
        for name in &config.targets {
            let target = Target::by_name(name)?;
            for backend in Backend::ALL {
                if target.machine(backend).is_ok() {
                    sites.push(Site { target: target.clone(), backend });
                }
            }
        }
        let io = |e: std::io::Error| mcompc_ir::Error::new(mcompc_ir::Code::Io, format!("temporary folder: {e}"));
        let runtime = if config.ort { ort::Runtime::start() } else { None };
        if config.ort && runtime.is_none() {
            return Err(mcompc_ir::Error::new(mcompc_ir::Code::ToolMissing, "python3 has no onnxruntime"));
        }
        Ok(Self {
            config: config.clone(),
            sites,
            folder: tempfile::tempdir().map_err(io)?,
            serial: Default::default(),
            runtime: runtime.into(),
        })
    }

    fn data_file(&self) -> PathBuf {
        self.folder.path().join("data.npz")
    }

    /// Runs a network through everything; a panic is an outcome.
    pub fn run(&self, network: &Network) -> (Outcome, Notes) {
        self.serial.set(self.serial.get() + 1);
        let mut notes = Notes { serial: self.serial.get(), ..Notes::default() };
        let mut stage = String::from("import");
        let run = std::panic::AssertUnwindSafe(|| self.stages(network, &mut notes, &mut stage));
        let outcome = match std::panic::catch_unwind(run) {
            Ok(Ok(())) => Outcome::ok(),
            Ok(Err(outcome)) => *outcome,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                Outcome::new(Kind::Panic, stage, text.unwrap_or("without a message"))
            }
        };
        (outcome, notes)
    }

    fn stages(&self, network: &Network, notes: &mut Notes, stage: &mut String) -> Step {
        let specs: Vec<InputSpec> = network
            .columns
            .iter()
            .filter_map(|c| c.flag.as_deref())
            .map(InputSpec::parse)
            .collect::<Result<_>>()
            .map_err(|e| Outcome::new(Kind::Invalid, "input", e.to_string()))?;
        let float = float::Float::new(network, &specs, stage)?;
        if let Some(runtime) = &mut *self.runtime.borrow_mut() {
            *stage = "onnxruntime".into();
            runtime.compare(network, &float, self.folder.path())?;
        }
        let path = self.data_file();
        write_npz(&path, &network.input_names(), &network.columns).map_err(at("data"))?;
        for level in self.config.levels(network) {
            *stage = format!("integerize [{}]", level.name());
            let Some(integer) = integer::Integer::new(&float, &path, level)? else { continue };
            if level == Level::Int8 {
                notes.suspicious = integer.suspicious(&float)?;
                if let (Some((name, error)), Some(most)) = (&notes.suspicious, self.config.max_error)
                    && *error > most
                {
                    return Err(mismatch("quantization", format!("output `{name}` has a squared error of {error:.2} over its variance")));
                }
            }
            kernels::run(&self.config, &self.sites, &integer, level, notes, stage)?;
        }
        Ok(())
    }
}

/// The way through the compiler, ended by the first outcome that is not ok.
pub(crate) type Step<T = ()> = std::result::Result<T, Box<Outcome>>;

/// Turns an error of the compiler into an outcome.
pub(crate) fn at(stage: &str) -> impl Fn(mcompc_ir::Error) -> Box<Outcome> + '_ {
    move |e| Box::new(Outcome::of(stage, &e))
}

/// A difference between two parties.
pub(crate) fn mismatch(stage: impl Into<String>, message: impl Into<String>) -> Box<Outcome> {
    Box::new(Outcome::new(Kind::Mismatch, stage, message))
}
