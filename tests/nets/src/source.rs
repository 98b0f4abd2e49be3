//! Where the generator's choices come from: a seed, bytes, or the recorded choices of another run. Every choice is a number below a
//! bound, and 0 is the plainest, so that a network is made smaller by making its list of choices shorter and its numbers smaller
//! (MacIver and Donaldson, "Test-Case Reduction via Test-Case Generation", ECOOP 2020).

/// A generator of 64-bit numbers that gives the same on every platform (SplitMix64, Steele, Lea and Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Prng(u64);

impl Prng {
    /// Starts at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `n`; 0 for `n` = 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // The bias of a product is n / 2^64: nothing here can tell.
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }
    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// A number around 0 with variance 1: the sum of twelve uniform ones, which needs no function of the platform's.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

enum Origin {
    Seed(Prng),
    Given(Vec<u32>),
    Bytes(Vec<u8>),
}

/// The choices of one network, recorded as they are made.
pub struct Source {
    origin: Origin,
    at: usize,
    taken: Vec<u32>,
    spans: Vec<(usize, usize)>,
}

impl Source {
    fn of(origin: Origin) -> Self {
        Self { origin, at: 0, taken: Vec::new(), spans: Vec::new() }
    }
    /// Random choices.
    pub fn seed(seed: u64) -> Self {
        Self::of(Origin::Seed(Prng::new(seed)))
    }
    /// These choices, each cut to its bound; 0 behind their end.
    pub fn given(choices: Vec<u32>) -> Self {
        Self::of(Origin::Given(choices))
    }
    /// Choices out of bytes, each modulo its bound; 0 behind their end.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::of(Origin::Bytes(bytes.to_vec()))
    }

    /// A number below `n` (0 where `n` is 0).
    pub fn below(&mut self, n: usize) -> usize {
        let last = u32::try_from(n.saturating_sub(1)).unwrap_or(u32::MAX - 1);
        let choice = match &mut self.origin {
            Origin::Seed(rng) => rng.below(u64::from(last) + 1) as u32,
            Origin::Given(list) => {
                let v = list.get(self.at).copied().unwrap_or(0).min(last);
                self.at += 1;
                v
            }
            Origin::Bytes(bytes) => {
                let width = if last > 0xff { 2 } else { 1 };
                let v = (0..width).fold(0u32, |v, i| v << 8 | u32::from(bytes.get(self.at + i).copied().unwrap_or(0)));
                self.at += width;
                v % (last + 1)
            }
        };
        self.taken.push(choice);
        choice as usize
    }
    /// A number in `lo..=hi`.
    pub fn range(&mut self, lo: usize, hi: usize) -> usize {
        lo + self.below(hi.saturating_sub(lo) + 1)
    }
    /// True in about `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent.min(100)
    }
    /// One of a list, the first being the plainest.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
    /// A seed for data; 0 is the plainest.
    pub fn data(&mut self) -> Prng {
        Prng::new(self.below(1 << 15) as u64)
    }

    /// Where the next choice stands.
    pub fn position(&self) -> usize {
        self.taken.len()
    }
    /// Notes that the choices from `start` on make one part, which may be left out.
    pub fn part(&mut self, start: usize) {
        self.spans.push((start, self.taken.len()));
    }
    /// All choices so far, and the parts among them.
    pub fn into_choices(self) -> (Vec<u32>, Vec<(usize, usize)>) {
        (self.taken, self.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_choices_give_the_same_again() {
        let draw = |s: &mut Source| (0..200).map(|i| s.below(i * 37 + 1)).collect::<Vec<_>>();
        let mut first = Source::seed(7);
        let values = draw(&mut first);
        let mut again = Source::given(first.into_choices().0);
        assert_eq!(draw(&mut again), values);
        assert!(values.iter().any(|&v| v > 1000));
    }

    #[test]
    fn bytes_and_their_end() {
        let mut s = Source::bytes(&[3, 200, 1, 2]);
        assert_eq!([s.below(10), s.below(100), s.below(1000), s.below(9)], [3, 0, 258, 0]);
        assert!(!s.chance(99));
    }

    #[test]
    fn the_sequence_is_that_of_the_paper() {
        let mut p = Prng::new(1234567);
        assert_eq!([p.next(), p.next()], [6457827717110365317, 3203168211198807973]);
    }
}
