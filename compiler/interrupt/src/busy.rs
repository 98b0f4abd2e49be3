//! Time limits in work done: on a machine that many share a process that is given little of it takes long and does not hang.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Of the limit: a process that worked this much in it has had its time.
const SHARE: f64 = 0.5;
/// Limits after which a process that hardly works is given up all the same: it waits for something.
const MOST: u32 = 20;

/// A limit for a process and those it started.
#[derive(Clone, Debug)]
pub struct Patience {
    id: u32,
    limit: Duration,
    begin: Instant,
    before: Option<Duration>,
}

impl Patience {
    /// From now on, for process `id`.
    pub fn new(id: u32, limit: Duration) -> Self {
        Self { id, limit, begin: Instant::now(), before: cpu(id) }
    }

    /// Whether the limit has passed: so much time, in which the process had the processor for a good part. Where the system does not tell, time alone counts.
    pub fn is_over(&self) -> bool {
        let passed = self.begin.elapsed();
        if passed <= self.limit || passed > self.limit * MOST {
            return passed > self.limit;
        }
        let worked = cpu(self.id).zip(self.before).map(|(now, before)| now.saturating_sub(before));
        worked.is_none_or(|w| w >= self.limit.mul_f64(SHARE))
    }
}

/// Processor time of a process, of the living ones that it started, and of the dead ones that were waited for; `None` where the system does not tell.
pub fn cpu(id: u32) -> Option<Duration> {
    // Linux counts in hundredths of a second here, whatever the kernel's own ticks are.
    const TICK: Duration = Duration::from_millis(10);
    let (mut parents, mut ticks) = (BTreeMap::new(), BTreeMap::new());
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name stands in brackets and may hold anything; behind it are state, parent, and from the twelfth word on the times.
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |i: usize| words.get(i).and_then(|w| w.parse::<u64>().ok()).unwrap_or(0);
        parents.insert(pid, number(1) as u32);
        ticks.insert(pid, (11..15).map(number).sum::<u64>());
    }
    ticks.get(&id)?;
    let of_tree = |mut pid: u32| {
        // No chain of parents is longer than there are processes.
        for _ in 0..=parents.len() {
            if pid == id {
                return true;
            }
            match parents.get(&pid) {
                Some(&p) => pid = p,
                None => return false,
            }
        }
        false
    };
    let sum: u64 = ticks.iter().filter(|(pid, _)| of_tree(**pid)).map(|(_, t)| t).sum();
    Some(TICK * u32::try_from(sum).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn work_is_counted_and_waiting_is_not() {
        let run = |script: &str| std::process::Command::new("sh").args(["-c", script]).spawn().unwrap();
        // One process each, so that what is killed is all there is.
        for (script, works) in [("while :; do :; done", true), ("exec sleep 30", false)] {
            let mut child = run(script);
            let p = Patience::new(child.id(), Duration::from_millis(40));
            assert!(!p.is_over());
            let begin = Instant::now();
            while !p.is_over() && begin.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let took = begin.elapsed();
            child.kill().unwrap();
            child.wait().unwrap();
            // The one that sleeps is given up after many limits, not after one.
            assert!(took < Duration::from_secs(20) && (works || took >= Duration::from_millis(40 * u64::from(MOST))), "{script} {took:?}");
        }
        assert_eq!(cpu(u32::MAX), None);
    }
}
