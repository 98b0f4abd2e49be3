//! From choices that make a failing network to fewer and smaller ones that fail the same way: parts are left out, stretches deleted,
//! numbers lowered, until nothing helps (the internal test-case reduction of MacIver and Donaldson, ECOOP 2020).

/// Choices with the parts among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The choices.
    pub choices: Vec<u32>,
    /// Stretches that make one part each.
    pub parts: Vec<(usize, usize)>,
}

impl Case {
    /// Shorter lists come first, then those with smaller numbers.
    fn rank(&self) -> (usize, &[u32]) {
        (self.choices.len(), &self.choices)
    }
}

/// Looks for the smallest case. `test` generates from choices and gives the case as it was read, if it still fails the same way;
/// it is asked at most `budget` times.
pub fn shrink(case: Case, budget: usize, test: impl FnMut(&[u32]) -> Option<Case>) -> Case {
    let mut search = Search { best: case, left: budget, test };
    loop {
        let before = search.best.clone();
        search.parts();
        for size in [16, 8, 4, 2, 1] {
            search.stretches(size);
        }
        search.numbers();
        if search.left == 0 || search.best == before {
            return search.best;
        }
    }
}

struct Search<T> {
    best: Case,
    left: usize,
    test: T,
}

impl<T: FnMut(&[u32]) -> Option<Case>> Search<T> {
    /// Whether these choices are better; they become the best then.
    fn try_out(&mut self, choices: &[u32]) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        match (self.test)(choices) {
            Some(case) if case.rank() < self.best.rank() => {
                self.best = case;
                true
            }
            _ => false,
        }
    }

    fn without(&self, from: usize, to: usize) -> Vec<u32> {
        let c = &self.best.choices;
        [&c[..from.min(c.len())], &c[to.min(c.len())..]].concat()
    }

    fn parts(&mut self) {
        let mut i = self.best.parts.len();
        while i > 0 {
            i -= 1;
            let Some(&(from, to)) = self.best.parts.get(i) else { continue };
            let choices = self.without(from, to);
            self.try_out(&choices);
        }
    }

    fn stretches(&mut self, size: usize) {
        let mut end = self.best.choices.len();
        while end >= size && self.left > 0 {
            let choices = self.without(end - size, end);
            if !self.try_out(&choices) {
                end -= 1;
            }
            end = end.min(self.best.choices.len());
        }
    }

    fn numbers(&mut self) {
        let mut i = 0;
        while i < self.best.choices.len() && self.left > 0 {
            let with = |best: &Case, v: u32| {
                let mut c = best.choices.clone();
                c[i] = v;
                c
            };
            let value = self.best.choices[i];
            if value > 0 {
                let zero = with(&self.best, 0);
                if !self.try_out(&zero) {
                    // The smallest number that still fails, as far as halving finds it.
                    let (mut low, mut high) = (0, value);
                    while low + 1 < high && self.left > 0 && i < self.best.choices.len() {
                        let middle = low + (high - low) / 2;
                        let choices = with(&self.best, middle);
                        if self.try_out(&choices) { high = middle } else { low = middle }
                    }
                }
            }
            i += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_smallest() {
        // Fails where two numbers of 10 or more stand anywhere.
        let fails = |c: &[u32]| (c.iter().filter(|&&v| v >= 10).count() >= 2).then(|| Case { choices: c.to_vec(), parts: vec![] });
        let start = Case { choices: (0..60).map(|i| i * 7 % 31).collect(), parts: vec![(0, 20), (20, 40)] };
        assert_eq!(shrink(start, 5000, fails).choices, [10, 10]);
    }

    #[test]
    fn keeps_to_its_budget() {
        let mut asked = 0;
        let start = Case { choices: vec![9; 100], parts: vec![] };
        shrink(start, 50, |_| {
            asked += 1;
            None
        });
        assert_eq!(asked, 50);
    }
}
