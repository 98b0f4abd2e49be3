//! `--timings`.

use crate::answer::Answer;
use crate::commands::aligned;
use mcompc_driver::Step;

/// Adds the steps to an answer: a table to the text, `timings` to the JSON.
pub(crate) fn add(answer: &mut Answer, steps: &[Step]) {
    let all: f64 = steps.iter().filter(|s| s.depth == 0).map(|s| s.time.as_secs_f64()).sum();
    let row = |name: String, seconds: f64| [name, format!("{:.1}", 1e3 * seconds), format!("{:.1} %", 100.0 * seconds / all.max(1e-9))];
    let mut rows = vec![["step", "ms", "share"].map(String::from)];
    rows.extend(steps.iter().map(|s| row(format!("{}{}", "  ".repeat(s.depth), s.name), s.time.as_secs_f64())));
    rows.push(row("all".into(), all));
    answer.text.push('\n');
    answer.text.push_str(&aligned(&rows, &[0]));
    let list: Vec<_> =
        steps.iter().map(|s| serde_json::json!({"step": s.name, "depth": s.depth, "seconds": s.time.as_secs_f64()})).collect();
    answer.json["timings"] = list.into();
}
