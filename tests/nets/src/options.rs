//! The command line.

use mcompc_nets::network::Level;
use mcompc_nets::oracle::Config;
use mcompc_nets::worker::{From, Setup};
use std::path::PathBuf;

pub const HELP: &str = "\
cargo xtask random-nets [--count N] [--seed S] [--targets a,b|all] [--level L,...] [--mlir] [--here] [--qemu] [--ort]
                        [--beyond] [--jobs J] [--batch B] [--out DIR] [--json] [--no-shrink] [--choices FILE]

  --count N       networks (1000); network i has the seed S + i
  --seed S        where they start (1)
  --targets LIST  targets whose kernels are interpreted and compiled (all)
  --level LIST    of int8, int4, int4-all, int4-group, mixed, int16, coded (int8 and one that the network draws)
  --mlir          native code by the MLIR back end, too
  --here          objects only for targets that this computer runs; the others' kernels are still interpreted
  --qemu          runs the code of targets that this computer is not, many networks a program
  --ort           float outputs against ONNX Runtime, where python3 has it
  --max-error E   an int8 output whose squared error over variance passes E (at least 0.5) is a failure
  --beyond        also forms that docs/status.md says are refused
  --jobs J        processes (one a processor)
  --batch B       networks in one emulated program (25)
  --out DIR       where failures go: .onnx, .npz, .txt, .choices (target/random-nets)
  --json          a summary as JSON on standard output
  --no-shrink     leaves failures as they are
  --choices FILE  runs the network of a .choices file
";

pub struct Options {
    pub count: u64,
    pub seed: u64,
    pub setup: Setup,
    pub jobs: usize,
    pub batch: usize,
    pub out: PathBuf,
    pub json: bool,
    pub shrink: bool,
    pub given: Option<From>,
}

pub fn parse(args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut args = args.peekable();
    let mut config = Config::every_target().map_err(|e| e.to_string())?;
    let jobs = std::thread::available_parallelism().map_or(1, |n| n.get());
    let (mut beyond, out) = (false, PathBuf::from("target/random-nets"));
    let mut o = Options {
        count: 1000,
        seed: 1,
        setup: Setup { config: config.clone(), beyond },
        jobs,
        batch: 25,
        out,
        json: false,
        shrink: true,
        given: None,
    };
    while let Some(key) = args.next() {
        match key.as_str() {
            "--mlir" => config.mlir = true,
            "--here" => config.here = true,
            "--qemu" => config.qemu = true,
            "--ort" => config.ort = true,
            "--beyond" => beyond = true,
            "--json" => o.json = true,
            "--no-shrink" => o.shrink = false,
            _ => {
                let value = args.next().ok_or_else(|| format!("{key} needs a value, or there is no such option"))?;
                let number = || value.parse::<u64>().map_err(|e| format!("{key} {value}: {e}"));
                match key.as_str() {
                    "--count" => o.count = number()?,
                    "--seed" => o.seed = number()?,
                    "--jobs" => o.jobs = number()?.clamp(1, 256) as usize,
                    "--batch" => o.batch = number()?.clamp(1, 1000) as usize,
                    "--out" => o.out = value.into(),
                    "--targets" if value == "all" => {}
                    "--targets" => config.targets = value.split(',').map(str::to_owned).collect(),
                    "--level" => config.levels = levels(&value)?,
                    "--max-error" => config.max_error = Some(value.parse().map_err(|e| format!("{key} {value}: {e}"))?),
                    "--choices" => o.given = Some(choices(&value)?),
                    _ => return Err(format!("no option is called '{key}'")),
                }
            }
        }
    }
    if config.mlir && !mcompc_backend::built_in(mcompc_target::Backend::Mlir) {
        return Err("this build has no MLIR back end: add --features mlir".into());
    }
    o.setup = Setup { config, beyond };
    Ok(o)
}

fn levels(text: &str) -> Result<Vec<String>, String> {
    let all: Vec<&str> = Level::ALL.iter().map(|l| l.name()).collect();
    text.split(',')
        .map(|l| if all.contains(&l) { Ok(l.to_owned()) } else { Err(format!("--level {l}: there are {}", all.join(", "))) })
        .collect()
}

fn choices(path: &str) -> Result<From, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    text.split_whitespace().map(|w| w.parse().map_err(|e| format!("{path}: `{w}`: {e}"))).collect::<Result<_, _>>().map(From::Choices)
}
