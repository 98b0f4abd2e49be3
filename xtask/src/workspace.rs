//! What Cargo and git say about this repository.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

pub use crate::paths::{root, target};
use crate::{Result, shell};

/// Why a crate depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In every build, or by its build script.
    Normal,
    /// Only for tests, examples and benches.
    Dev,
}

/// One crate of the workspace.
#[derive(Debug, Clone)]
pub struct Package {
    /// Package name.
    pub name: String,
    /// Folder of its manifest, relative to the root, with `/`.
    pub folder: String,
    /// Workspace crates it depends on.
    pub dependencies: Vec<(String, Kind)>,
    /// Names of its features.
    pub features: Vec<String>,
    /// Names of its binaries.
    pub binaries: Vec<String>,
}

/// All crates of the workspace, by name.
pub fn packages() -> Result<Vec<Package>> {
    let text = shell::capture(shell::cargo(&["metadata", "--format-version=1", "--no-deps"]))?;
    parse(&text, &root())
}

fn parse(text: &str, root: &Path) -> Result<Vec<Package>> {
    let json: Value = serde_json::from_str(text).map_err(|e| format!("cargo metadata: {e}"))?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let raw = list(&json["packages"]);
    let members: Vec<String> = raw.iter().map(name).collect();
    let mut packages: Vec<Package> = raw
        .iter()
        .map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
            let folder = manifest.parent().and_then(|path| path.strip_prefix(root).ok());
            Package {
                name: name(package),
                folder: folder.unwrap_or(Path::new("")).to_string_lossy().replace('\\', "/"),
                dependencies: list(&package["dependencies"])
                    .iter()
                    .filter(|dependency| members.contains(&name(dependency)))
                    .map(|dependency| {
                        let dev = dependency["kind"] == "dev";
                        (name(dependency), if dev { Kind::Dev } else { Kind::Normal })
                    })
                    .collect(),
                features: package["features"].as_object().map(|features| features.keys().cloned().collect()).unwrap_or_default(),
                binaries: list(&package["targets"])
                    .iter()
                    .filter(|target| list(&target["kind"]).iter().any(|kind| kind == "bin"))
                    .map(name)
                    .collect(),
            }
        })
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

/// The package that has the `mcompc` binary.
pub fn command_line(packages: &[Package]) -> Result<&Package> {
    packages
        .iter()
        .find(|package| package.binaries.iter().any(|binary| binary == "mcompc"))
        .ok_or_else(|| "no crate of the workspace has a binary called mcompc".to_owned())
}

/// Files git knows or would add, relative to the root.
pub fn files() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let mut files: Vec<String> =
        shell::capture(git)?.split('\0').filter(|path| !path.is_empty() && root().join(path).is_file()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// A file's text; `None` for one that is not UTF-8.
pub fn text(path: &str) -> Result<Option<String>> {
    let bytes = std::fs::read(root().join(path)).map_err(|e| format!("{path}: {e}"))?;
    Ok(String::from_utf8(bytes).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_reduced_to_members() {
        let text = r#"{"packages":[
            {"name":"b","manifest_path":"/r/b/Cargo.toml","features":{"mlir":[]},
             "dependencies":[{"name":"a","kind":null},{"name":"serde","kind":null},{"name":"c","kind":"dev"}],
             "targets":[{"name":"mcompc","kind":["bin"]},{"name":"b","kind":["lib"]}]},
            {"name":"a","manifest_path":"/r/x/a/Cargo.toml","features":{},"dependencies":[],"targets":[]},
            {"name":"c","manifest_path":"/r/c/Cargo.toml","features":{},"dependencies":[],"targets":[]}]}"#;
        let packages = parse(text, Path::new("/r")).unwrap();
        assert_eq!(packages.iter().map(|p| &*p.name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(packages[0].folder, "x/a");
        let expected = [("a".to_owned(), Kind::Normal), ("c".to_owned(), Kind::Dev)];
        assert_eq!(packages[1].dependencies, expected);
        assert_eq!(command_line(&packages).unwrap().name, "b");
    }
}
