//! The files of a crate use each other one way: no circle, and not on too many floors.
//!
//! A file uses another when its text has a path to it: `use`, or a path that begins with `crate`, `super`, `self` or a child module. A name
//! that a module takes in from elsewhere (`pub use child::Name`) leads on to there. Tests within a file, comments and macros' own paths
//! do not count.

use std::collections::{BTreeMap, BTreeSet};

use super::source::code;
use crate::{Result, workspace};

/// Floors that a crate's files may stand on, where it is bounded: a file stands one floor above the highest that it uses.
const FLOORS: &[(&str, usize)] = &[("compiler/lower", 8)];

/// Circles that are to go: the crate, and the end of a file's name in it.
const KNOWN: &[(&str, &str)] = &[("compiler/compress", "quants"), ("compiler/compress", "mul")];

/// Circles of files, and crates on too many floors.
pub fn check() -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let all = workspace::files()?;
    for package in workspace::packages()? {
        let folder = format!("{}/src/", package.folder);
        let mut modules = BTreeMap::new();
        for path in all.iter().filter(|p| p.starts_with(&folder) && p.ends_with(".rs")) {
            let name = path[folder.len()..].trim_end_matches(".rs").replace('/', "::");
            let name = name.strip_suffix("::mod").unwrap_or(&name);
            let name = if name == "lib" { "" } else { name };
            modules.insert(name.to_owned(), workspace::text(path)?.unwrap_or_default());
        }
        findings.extend(in_crate(&package.folder, &modules));
    }
    Ok(findings)
}

fn in_crate(folder: &str, modules: &BTreeMap<String, String>) -> Vec<String> {
    let uses = uses(modules);
    let (floors, circles) = floors(&uses);
    let name = |m: &String| if m.is_empty() { "lib".to_owned() } else { m.clone() };
    let known = |c: &&Vec<String>| KNOWN.iter().any(|(f, m)| *f == folder && c.iter().any(|x| x.rsplit("::").next() == Some(m)));
    let mut findings: Vec<String> = circles
        .iter()
        .filter(|c| !known(c))
        .map(|c| format!("{folder}: a circle of files: {}", c.iter().map(name).collect::<Vec<_>>().join(", ")))
        .collect();
    if let Some((_, limit)) = FLOORS.iter().find(|(f, _)| *f == folder) {
        let highest = floors.values().copied().max().unwrap_or(0);
        if highest > *limit {
            findings.push(format!("{folder} stands on {highest} floors, more than {limit}: {}", tower(&uses, &floors).join(" > ")));
        }
    }
    findings
}

/// What every module uses.
fn uses(modules: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let texts: BTreeMap<&String, String> = modules.iter().map(|(m, t)| (m, code(t))).collect();
    // Names that a module takes in from another: (module, name) to the path it stands for.
    let mut names: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (module, text) in &texts {
        for (public, path) in imports(text) {
            if public && let Some(last) = path.last() {
                names.insert(((*module).clone(), last.clone()), path);
            }
        }
    }
    let resolve = |from: &str, path: &[String]| resolve(modules, &names, from, path, 8);
    let mut all = BTreeMap::new();
    for (module, text) in &texts {
        let mut used = BTreeSet::new();
        let private = imports(text).into_iter().filter(|(public, _)| !public).map(|(_, path)| path);
        for path in private.chain(paths(text)) {
            used.extend(resolve(module, &path).filter(|m| m != *module && modules.contains_key(m)));
        }
        all.insert((*module).clone(), used);
    }
    all
}

/// Every imported path, and whether other modules may take it from here.
fn imports(text: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for statement in text.split(';') {
        let Some(at) = statement.rfind("use ") else { continue };
        let before = statement[..at].trim_end();
        if before.chars().next_back().is_some_and(|c| c.is_alphanumeric() && !before.ends_with("pub")) {
            continue;
        }
        let public = before.ends_with("pub") || before.ends_with(')') && before.rfind("pub(").is_some_and(|i| !before[i..].contains('\n'));
        for path in expand(statement[at + 4..].trim()) {
            found.push((public, path));
        }
    }
    found
}

/// `a::{b, c::d}` as its single paths.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect()];
    };
    let head: Vec<String> = tree[..open].split("::").map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect();
    let body = tree[open + 1..].trim_end().strip_suffix('}').unwrap_or(&tree[open + 1..]);
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (i, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&body[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&body[start..]);
    let parts = parts.into_iter().map(str::trim).filter(|p| !p.is_empty());
    parts.flat_map(expand).map(|tail| [head.clone(), if tail == ["self"] { vec![] } else { tail }].concat()).collect()
}

/// Paths outside of imports that begin with `crate` or `super`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in text.match_indices(root) {
            let boundary = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':' && c != '$');
            if boundary {
                let end = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').map_or(text.len(), |n| at + n);
                // A tree is an import's.
                if text[end..].starts_with('{') {
                    continue;
                }
                found.push(text[at..end].split("::").map(str::to_owned).filter(|s| !s.is_empty()).collect());
            }
        }
    }
    found
}

/// The module that a path of `from` leads to; nothing for what lies outside the crate.
fn resolve(
    modules: &BTreeMap<String, String>,
    names: &BTreeMap<(String, String), Vec<String>>,
    from: &str,
    path: &[String],
    depth: usize,
) -> Option<String> {
    let mut at: Vec<&str> = from.split("::").filter(|s| !s.is_empty()).collect();
    let mut rest = path;
    match rest.first()?.as_str() {
        "crate" => {
            at.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|s| s == "super") {
                at.pop();
                rest = &rest[1..];
            }
        }
        child if !modules.contains_key(&[&at[..], &[child]].concat().join("::")) => return None,
        _ => {}
    }
    while let Some(next) = rest.first() {
        let child = [&at[..], &[next]].concat();
        if !modules.contains_key(&child.join("::")) {
            break;
        }
        at = child;
        rest = &rest[1..];
    }
    let module = at.join("::");
    // A name that the module has from elsewhere.
    let taken = rest.first().and_then(|name| names.get(&(module.clone(), name.clone())));
    match taken {
        Some(path) if depth > 0 => resolve(modules, names, &module, path, depth - 1).or(Some(module)),
        _ => Some(module),
    }
}

/// Every module's floor, circles counted as one, and the circles (Tarjan 1972: strongly connected components, in the order of their floors).
fn floors(uses: &BTreeMap<String, BTreeSet<String>>) -> (BTreeMap<String, usize>, Vec<Vec<String>>) {
    let mut state =
        Search { uses, number: BTreeMap::new(), low: BTreeMap::new(), stack: Vec::new(), floor: BTreeMap::new(), circles: Vec::new() };
    for module in uses.keys() {
        if !state.number.contains_key(module.as_str()) {
            state.visit(module);
        }
    }
    (state.floor, state.circles)
}

struct Search<'a> {
    uses: &'a BTreeMap<String, BTreeSet<String>>,
    number: BTreeMap<&'a str, usize>,
    low: BTreeMap<&'a str, usize>,
    stack: Vec<&'a str>,
    floor: BTreeMap<String, usize>,
    circles: Vec<Vec<String>>,
}

impl<'a> Search<'a> {
    fn visit(&mut self, module: &'a str) {
        let n = self.number.len();
        self.number.insert(module, n);
        self.low.insert(module, n);
        self.stack.push(module);
        for used in self.uses.get(module).into_iter().flatten() {
            let below = if !self.number.contains_key(used.as_str()) {
                self.visit(used);
                self.low[used.as_str()]
            } else if self.stack.contains(&used.as_str()) {
                self.number[used.as_str()]
            } else {
                continue;
            };
            let low = self.low[module].min(below);
            self.low.insert(module, low);
        }
        if self.low[module] != n {
            return;
        }
        let at = self.stack.iter().position(|m| *m == module).unwrap_or(0);
        let members: Vec<String> = self.stack.split_off(at).into_iter().map(str::to_owned).collect();
        let below = members.iter().flat_map(|m| self.uses.get(m).into_iter().flatten()).filter_map(|u| self.floor.get(u)).max();
        let floor = 1 + below.copied().unwrap_or(0);
        self.floor.extend(members.iter().map(|m| (m.clone(), floor)));
        if members.len() > 1 {
            self.circles.push(members);
        }
    }
}

/// One way from the highest floor to the ground.
fn tower(uses: &BTreeMap<String, BTreeSet<String>>, floors: &BTreeMap<String, usize>) -> Vec<String> {
    let mut way = Vec::new();
    let mut at = floors.iter().max_by_key(|(_, f)| **f).map(|(m, _)| m);
    while let Some(module) = at {
        way.push(module.clone());
        at = uses.get(module).into_iter().flatten().filter(|u| floors.get(*u) < floors.get(module)).max_by_key(|u| floors.get(*u));
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(m, t)| ((*m).to_owned(), (*t).to_owned())).collect()
    }

    #[test]
    fn uses_are_followed_to_where_a_name_comes_from() {
        let modules = of(&[
            ("", "mod a;\nmod b;\npub use a::{x, inner::Y};\nuse b::z;\n"),
            ("a", "pub mod inner;\nuse std::fmt;\npub fn x() {}\n"),
            ("a::inner", "use super::x; // use crate::b;\n"),
            ("b", "use crate::{Y, x as w};\nfn f() { crate::a::x() }\n#[cfg(test)]\nmod tests {\n use crate::c::d;\n}\n"),
        ]);
        let uses = uses(&modules);
        let of = |m: &str| uses[m].iter().cloned().collect::<Vec<_>>();
        assert_eq!(
            [of(""), of("a"), of("a::inner"), of("b")],
            [vec!["b".to_owned()], vec![], vec!["a".into()], vec!["a".into(), "a::inner".into()]]
        );
        assert_eq!(floors(&uses).0[""], 4);
        assert_eq!(tower(&uses, &floors(&uses).0), ["", "b", "a::inner", "a"]);
        assert_eq!(in_crate("any", &modules), [""; 0]);
    }

    #[test]
    fn circles_are_found() {
        let modules = of(&[
            ("a", "use super::b::f;\n"),
            ("b", "pub fn f() { crate::c::g() }\n"),
            ("c", "pub(crate) use crate::a;\nuse crate::{a::h};\n"),
            ("d", "use crate::a;\n"),
        ]);
        assert_eq!(in_crate("any", &modules), ["any: a circle of files: a, b, c"]);
        let high: Vec<(String, String)> = (0..12).map(|i| (format!("m{i:02}"), format!("use crate::m{:02};\n", i + 1))).collect();
        assert!(in_crate("compiler/lower", &high.into_iter().collect())[0].contains("stands on 12 floors"));
    }
}
