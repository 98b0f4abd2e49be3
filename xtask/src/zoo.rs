//! The model zoo: where it is, and its calibration and evaluation files, made once by the zoo's own script.

use std::path::PathBuf;
use std::process::Command;

use crate::workspace;

/// Models of the accuracy tests and of `verify-all`, by their names in the zoo's script.
const MODELS: &[&str] = &["kws", "ic", "vww", "ad", "mbv2", "mbv1_025", "mnist"];

/// Environment that tests find the zoo by: `MCOMPC_ZOO` (default `../shared/zoo` beside the repository) and `MCOMPC_ZOO_DATA`
/// (default: prepared in the target folder). Says what is missing; tests that need it are then counted as not run.
pub fn environment() -> Vec<(&'static str, PathBuf)> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let zoo = set("MCOMPC_ZOO").unwrap_or_else(|| workspace::root().join("../shared/zoo"));
    if !zoo.is_dir() {
        println!("THE MODEL ZOO IS MISSING: {} is no folder; set MCOMPC_ZOO. Tests on public models do not run.", zoo.display());
        return vec![];
    }
    let mut env = vec![("MCOMPC_ZOO", zoo.clone())];
    if let Some(data) = set("MCOMPC_ZOO_DATA") {
        env.push(("MCOMPC_ZOO_DATA", data));
        return env;
    }
    let data = workspace::target().join("zoo-data");
    let complete = MODELS.iter().all(|m| data.join(format!("{m}.eval.npz")).is_file()) && data.join("inputs.json").is_file();
    if complete || prepare(&zoo, &data) {
        env.push(("MCOMPC_ZOO_DATA", data));
    } else {
        println!("THE ZOO'S DATA ARE MISSING: no Python with numpy and Pillow ran {}/prepare.py", zoo.display());
    }
    env
}

// The distribution's Python has the packages that scripts/setup.sh installs; another one may be first in the path.
fn prepare(zoo: &std::path::Path, data: &std::path::Path) -> bool {
    ["/usr/bin/python3", "python3"].iter().any(|python| {
        let has = Command::new(python).args(["-c", "import numpy, PIL"]).stderr(std::process::Stdio::null()).status();
        has.is_ok_and(|s| s.success())
            && Command::new(python).arg(zoo.join("prepare.py")).arg(data).args(MODELS).status().is_ok_and(|s| s.success())
    })
}
