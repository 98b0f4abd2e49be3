//! `cargo xtask cost`: measures generated layers on targets and writes `targets/<name>/cost.txt` and `cost.toml`.

use serde_json::Value;

use crate::{Result, shell, workspace};

/// The named targets (`--target NAME`, again for more), all of them without a name. A target that nothing here runs keeps its files.
pub fn run(args: &[String]) -> Result {
    let mut names = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match (arg.as_str(), rest.next()) {
            ("--target", Some(name)) => names.push(name.clone()),
            _ => return Err(format!("cost has no option '{arg}'; --target NAME")),
        }
    }
    let packages = workspace::packages()?;
    let package = &workspace::command_line(&packages)?.name;
    shell::run(shell::cargo(&["build", "--release", "-p", package, "--bin", "mcompc", "--features", "mlir"]))?;
    let binary = workspace::target().join("release/mcompc");
    let json = |args: &[&str]| -> std::result::Result<Value, String> {
        let mut command = std::process::Command::new(&binary);
        command.args(args).arg("--json");
        let output = command.output().map_err(|e| format!("{}: {e}", binary.display()))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).map_err(|e| format!("mcompc {}: {e}", args.join(" ")))
    };
    let names_all = names.is_empty();
    if names_all {
        let all = json(&["targets"])?;
        names.extend(all["targets"].as_array().into_iter().flatten().filter_map(|t| t["name"].as_str()).map(str::to_owned));
    }
    let mut kept = Vec::new();
    for name in &names {
        let tables = match json(&["dev", "cost", "--target", name]) {
            Ok(tables) => tables,
            // Nothing here runs it.
            Err(message) if names_all && message.contains("E505") => {
                println!("targets/{name}: not measured here");
                continue;
            }
            Err(message) => {
                kept.push(format!("{name}: {message}"));
                continue;
            }
        };
        for file in ["cost.txt", "cost.toml"] {
            let path = workspace::root().join("targets").join(name).join(file);
            let text = tables[file].as_str().ok_or_else(|| format!("mcompc printed no {file}"))?;
            std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        println!("targets/{name}/cost.txt, cost.toml");
    }
    if kept.is_empty() { Ok(()) } else { Err(format!("not measured:\n{}", kept.join("\n"))) }
}
