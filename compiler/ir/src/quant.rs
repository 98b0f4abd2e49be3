//! What integers stand for: the one meaning of codes, for activations and for constants, and the only file that knows where their ranges end.

use crate::DType;

/// The integers of so many bits, in two's complement where they are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Codes {
    /// Width, in [`Codes::BITS`].
    pub bits: u8,
    /// Whether half of them are negative.
    pub signed: bool,
}

impl DType {
    /// Smallest and largest value of an integer type that fits i32; `None` for the others.
    pub fn int_range(self) -> Option<(i32, i32)> {
        Codes::of(self).map(Codes::range)
    }
}

impl Codes {
    /// Widths that there are: 8, 16 and 32 for activations, 2 to 16 for weights.
    pub const BITS: std::ops::RangeInclusive<u8> = 2..=32;
    /// Signed, of eight bits.
    pub const I8: Self = Self { bits: 8, signed: true };
    /// Unsigned, of eight bits.
    pub const U8: Self = Self { bits: 8, signed: false };
    /// What codes of eight bits less a zero point among them are.
    pub const LESS_ZERO: Self = Self { bits: 9, signed: true };
    /// Signed, of sixteen bits.
    pub const I16: Self = Self { bits: 16, signed: true };
    /// Signed, of 32 bits.
    pub const I32: Self = Self { bits: 32, signed: true };
    /// The most that values of 32 bits hold: two bits less, so that sums of two stay in 32.
    pub const WIDE: Self = Self { bits: 30, signed: true };

    /// Signed, of so many bits.
    pub const fn signed(bits: u8) -> Self {
        Self { bits, signed: true }
    }
    /// Every value of an integer type that fits i32; `None` for the others.
    pub fn of(d: DType) -> Option<Self> {
        match d {
            DType::I8 => Some(Self::I8),
            DType::U8 => Some(Self::U8),
            DType::I16 => Some(Self::I16),
            DType::U16 => Some(Self { bits: 16, signed: false }),
            DType::I32 => Some(Self::I32),
            _ => None,
        }
    }
    /// The smallest type that holds them.
    pub fn dtype(self) -> DType {
        match (self.bits, self.signed) {
            (..=8, true) => DType::I8,
            (..=8, false) => DType::U8,
            (..=16, true) => DType::I16,
            (..=16, false) => DType::U16,
            _ => DType::I32,
        }
    }
    /// The smallest code.
    pub const fn min(self) -> i32 {
        if self.signed { (-1i64 << (self.bits - 1)) as i32 } else { 0 }
    }
    /// The largest code; unsigned ones of 32 bits end where i32 does.
    pub const fn max(self) -> i32 {
        let past = 1i64 << (self.bits - self.signed as u8);
        if past > i32::MAX as i64 { i32::MAX } else { (past - 1) as i32 }
    }
    /// Smallest and largest code.
    pub const fn range(self) -> (i32, i32) {
        (self.min(), self.max())
    }
    /// Steps between the smallest code and the largest.
    pub fn steps(self) -> f64 {
        f64::from(self.max()) - f64::from(self.min())
    }
    /// How many codes there are; for tables that hold an entry for each.
    pub const fn count(self) -> usize {
        (self.max() as i64 - self.min() as i64) as usize + 1
    }
    /// Whether `q` is one of them.
    pub fn contains(self, q: i64) -> bool {
        (i64::from(self.min())..=i64::from(self.max())).contains(&q)
    }
    /// The code nearest to `x`, ties away from zero; NaN is 0.
    pub fn nearest(self, x: f64) -> i32 {
        x.round().clamp(self.min().into(), self.max().into()) as i32
    }
    /// The same codes with the sign bit turned round: what is added to codes of the one to have those of the other is the difference of their ends.
    pub const fn flipped(self) -> Self {
        Self { signed: !self.signed, ..self }
    }
    /// Name in text forms: `i` or `u` and the bits.
    pub fn name(self) -> String {
        format!("{}{}", if self.signed { 'i' } else { 'u' }, self.bits)
    }
    /// Inverse of [`Codes::name`].
    pub fn from_name(s: &str) -> Option<Self> {
        let (signed, bits) = match s.split_at_checked(1)? {
            ("i", b) => (true, b),
            ("u", b) => (false, b),
            _ => return None,
        };
        let c = Self { bits: bits.parse().ok()?, signed };
        (Self::BITS.contains(&c.bits) && c.name() == s).then_some(c)
    }
}

/// What holds for a tensor, part by part.
#[derive(Clone, Debug, PartialEq)]
pub enum Per<T> {
    /// The whole tensor has one.
    Tensor(T),
    /// One for each index of an axis.
    Axis(u8, Box<[T]>),
    /// One for each run of so many elements in a row within an index of axis 0; `[d0][ceil(rest / length)]`, the last run may be shorter.
    Runs(u32, Box<[T]>),
}

impl<T> Per<T> {
    /// From one for the tensor, or one for each index of `axis`.
    pub fn along(axis: u8, mut list: Vec<T>) -> Self {
        match (list.len(), list.pop()) {
            (1, Some(one)) => Self::Tensor(one),
            (_, last) => {
                list.extend(last);
                Self::Axis(axis, list.into())
            }
        }
    }
    /// All of them.
    pub fn all(&self) -> &[T] {
        match self {
            Self::Tensor(t) => std::slice::from_ref(t),
            Self::Axis(_, all) | Self::Runs(_, all) => all,
        }
    }
    /// The one of the whole tensor.
    pub fn one(&self) -> Option<&T> {
        match self {
            Self::Tensor(t) => Some(t),
            _ => None,
        }
    }
    /// The axis along which they differ.
    pub fn axis(&self) -> Option<usize> {
        match self {
            Self::Axis(a, _) => Some((*a).into()),
            _ => None,
        }
    }
    /// Whether a tensor of this shape has exactly these parts.
    pub fn fits(&self, shape: &[usize]) -> bool {
        match self {
            Self::Tensor(_) => true,
            Self::Axis(a, all) => shape.get(usize::from(*a)) == Some(&all.len()),
            Self::Runs(n, all) => match shape {
                [d0, rest @ ..] if *n > 0 => d0.checked_mul(rest.iter().product::<usize>().div_ceil(*n as usize)) == Some(all.len()),
                _ => false,
            },
        }
    }
    /// The one of element `i`, row-major, of a tensor whose shape [fits](Self::fits).
    pub fn at(&self, shape: &[usize], i: usize) -> &T {
        match self {
            Self::Tensor(t) => t,
            Self::Axis(a, all) => {
                let a = usize::from(*a);
                &all[i / shape[a + 1..].iter().product::<usize>().max(1) % shape[a]]
            }
            Self::Runs(n, all) => {
                let (row, n) = (shape[1..].iter().product::<usize>().max(1), *n as usize);
                &all[i / row * row.div_ceil(n) + i % row / n]
            }
        }
    }
}

/// Affine meaning of codes: real = scale * (code - zero).
#[derive(Clone, Debug, PartialEq)]
pub struct Quant {
    /// What integers occur.
    pub codes: Codes,
    /// Step between two codes, positive.
    pub scale: Per<f64>,
    /// Real 0 in codes; a whole number but where data come from outside.
    pub zero: Per<f64>,
}

impl Quant {
    /// What a softmax gives: probabilities in steps of one part in as many as there are codes.
    pub const PROBABILITY: Self =
        Self { codes: Codes::I8, scale: Per::Tensor(1.0 / Codes::I8.count() as f64), zero: Per::Tensor(Codes::I8.min() as f64) };

    /// As [`Quant::PROBABILITY`], in 16 bits: those from 0 on, so that 0 is code 0 as in all values of that width.
    pub const PROBABILITY_16: Self =
        Self { codes: Codes::I16, scale: Per::Tensor(1.0 / -(Codes::I16.min() as f64)), zero: Per::Tensor(0.0) };

    /// What a softmax gives in codes as wide as these.
    pub fn probability(codes: Codes) -> Self {
        if codes.bits > 8 { Self::PROBABILITY_16 } else { Self::PROBABILITY }
    }
    /// Codes for the reals of this magnitude on both sides of 0, which is code 0.
    pub fn symmetric(codes: Codes, reach: f64) -> Self {
        let reach = if reach < f64::from(f32::MIN_POSITIVE) { f64::from(codes.max()) } else { reach };
        Self::new(codes, reach / f64::from(codes.max()), 0)
    }
    /// One step and one zero point for the whole tensor.
    pub fn new(codes: Codes, scale: f64, zero_point: i32) -> Self {
        Self { codes, scale: Per::Tensor(scale), zero: Per::Tensor(zero_point.into()) }
    }
    /// Codes for the reals from `lo <= 0` to `hi >= 0`, not both 0: the ends get the outermost codes, and 0 is a code.
    pub fn covering(codes: Codes, lo: f64, hi: f64) -> Self {
        let scale = (hi - lo) / codes.steps();
        Self::new(codes, scale, codes.nearest(f64::from(codes.min()) - lo / scale))
    }
    /// Codes for these reals and 0, which is code 0 where they have more than eight bits; a step of 1 where there is nothing but 0, or so little
    /// that f32 holds no multiples of it.
    pub fn holding(codes: Codes, reals: impl IntoIterator<Item = f64>) -> Self {
        let (lo, hi) = reals.into_iter().fold((0f64, 0f64), |(lo, hi), x| (lo.min(x), hi.max(x)));
        if codes.bits > 8 {
            return Self::symmetric(codes, hi.max(-lo));
        }
        if hi - lo < f64::from(f32::MIN_POSITIVE) { Self::new(codes, 1.0, 0) } else { Self::covering(codes, lo, hi) }
    }
    /// Scale and zero of the whole tensor, if there is one of each.
    pub fn uniform(&self) -> Option<(f64, f64)> {
        Some((*self.scale.one()?, *self.zero.one()?))
    }
    /// The step; the mean where parts have their own.
    pub fn step(&self) -> f64 {
        mean(&self.scale)
    }
    /// The code of real 0; the one nearest to the mean where there is none, or several.
    pub fn zero_point(&self) -> i32 {
        self.codes.nearest(mean(&self.zero))
    }
    /// The code of real 0, where it is one code for the whole tensor.
    pub fn zero_code(&self) -> Option<i32> {
        let all = self.zero.all();
        let one = *all.first()?;
        let code = one == one.round() && (f64::from(self.codes.min())..=f64::from(self.codes.max())).contains(&one);
        (code && all.iter().all(|&z| z == one)).then_some(one as i32)
    }
    /// Whether one step and one code of real 0 say it all.
    pub fn is_plain(&self) -> bool {
        self.scale.one().is_some() && self.zero_code().is_some()
    }
    /// Whether they are i8 codes that [one step and one code of 0](Self::is_plain) explain.
    pub fn is_plain_i8(&self) -> bool {
        self.codes == Codes::I8 && self.is_plain()
    }
    /// Whether they are what arithmetic makes: signed codes of 8 to 16 bits that [one step and one code of 0](Self::is_plain) explain.
    pub fn is_result(&self) -> bool {
        self.codes.signed && (8..=16).contains(&self.codes.bits) && self.is_plain()
    }
    /// Whether they are those of a value of 32 bits: codes of 17 to [30](Codes::WIDE) around real 0, under one step.
    pub fn is_wide(&self) -> bool {
        self.codes.signed && (17..=Codes::WIDE.bits).contains(&self.codes.bits) && self.is_plain() && self.zero_code() == Some(0)
    }
    /// The same reals under i8 codes: those of u8 less half of them.
    pub fn in_i8(&self) -> Self {
        let less = f64::from(self.codes.min()) - f64::from(Codes::I8.min());
        let zero = match &self.zero {
            Per::Tensor(z) => Per::Tensor(z - less),
            Per::Axis(a, all) => Per::Axis(*a, all.iter().map(|z| z - less).collect()),
            Per::Runs(n, all) => Per::Runs(*n, all.iter().map(|z| z - less).collect()),
        };
        Self { codes: Codes::I8, scale: self.scale.clone(), zero }
    }
    /// One step and one zero point in the place of those of the parts.
    pub fn nominal(&self) -> Self {
        Self::new(self.codes, self.step(), self.zero_point())
    }
    /// The axis along which scale or zero differ.
    pub fn axis(&self) -> Option<usize> {
        self.scale.axis().or(self.zero.axis())
    }
    /// Scale and zero of index `c` of the axis along which they differ; `c` does not matter where they do not.
    pub fn along(&self, c: usize) -> (f64, f64) {
        let of = |p: &Per<f64>| p.one().copied().unwrap_or_else(|| p.all()[c]);
        (of(&self.scale), of(&self.zero))
    }
    /// How many indices the axis has along which scale or zero differ; 1 where they do not.
    pub fn parts(&self) -> usize {
        self.scale.all().len().max(self.zero.all().len())
    }
    /// Scales and zeros, as many of each as there are [`parts`](Self::parts).
    pub fn lists(&self) -> (Vec<f64>, Vec<f64>) {
        (0..self.parts()).map(|c| self.along(c)).unzip()
    }
    /// Largest real magnitude of a code.
    pub fn reach(&self) -> f64 {
        let ends = [self.codes.min(), self.codes.max()].map(f64::from);
        let of = |(s, z): (f64, f64)| ends.map(|e| (s * (e - z)).abs()).into_iter().fold(0.0, f64::max);
        (0..self.parts()).map(|c| of(self.along(c))).fold(0.0, f64::max)
    }
    /// Largest magnitude of a code less the zero point.
    pub fn span(&self) -> u64 {
        let (zp, far) = (i64::from(self.zero_point()), |q: i32, z: i64| (i64::from(q) - z).unsigned_abs());
        far(self.codes.min(), zp).max(far(self.codes.max(), zp))
    }
    /// Nearest code of a real, ties away from zero, under [`Self::step`] and [`Self::zero_point`].
    pub fn code(&self, x: f64) -> i32 {
        self.codes.nearest((x / self.step()).round() + f64::from(self.zero_point()))
    }
    /// What a code of element `i`, row-major, stands for in a tensor of this shape, whose parts may differ.
    pub fn real_at(&self, shape: &[usize], i: usize, code: i64) -> f64 {
        self.scale.at(shape, i) * (code as f64 - self.zero.at(shape, i))
    }
    /// What a code stands for, under [`Self::step`] and [`Self::zero_point`].
    pub fn real(&self, code: i64) -> f64 {
        self.step() * (code - i64::from(self.zero_point())) as f64
    }
}

fn mean(p: &Per<f64>) -> f64 {
    match p {
        Per::Tensor(v) => *v,
        _ => p.all().iter().sum::<f64>() / p.all().len() as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_every_width() {
        assert_eq!((Codes::I8.range(), Codes::U8.range()), ((-128, 127), (0, 255)));
        assert_eq!((Codes::I8.count(), Codes::U8.count(), Codes::signed(4).count()), (256, 256, 16));
        assert_eq!((Codes::signed(4).range(), Codes::I16.range()), ((-8, 7), (-32768, 32767)));
        assert_eq!((Codes::I32.range(), Codes { bits: 32, signed: false }.max()), ((i32::MIN, i32::MAX), i32::MAX));
        for bits in Codes::BITS {
            for signed in [true, false] {
                let c = Codes { bits, signed };
                assert_eq!(Codes::from_name(&c.name()), Some(c));
                let (lo, hi) = c.dtype().int_range().unwrap_or_default();
                assert!(lo <= c.min() && c.max() <= hi, "{c:?}");
            }
        }
        for bad in ["i1", "i33", "i08", "f32", "", "ä4", "u", "i+4"] {
            assert_eq!(Codes::from_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_of_a_tensor() {
        let shape = [2, 5];
        let axis = Per::Axis(1, vec![0, 1, 2, 3, 4].into());
        let runs = Per::Runs(2, vec![0, 1, 2, 3, 4, 5].into());
        assert!(axis.fits(&shape) && runs.fits(&shape) && !axis.fits(&[5, 2]) && !runs.fits(&[3, 5]) && !runs.fits(&[]));
        let all = |p: &Per<i32>| (0..10).map(|i| *p.at(&shape, i)).collect::<Vec<_>>();
        assert_eq!(all(&axis), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
        assert_eq!(all(&runs), [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]);
        assert_eq!((Per::along(3, vec![7]), Per::along(1, vec![7, 8])), (Per::Tensor(7), Per::Axis(1, vec![7, 8].into())));
    }

    #[test]
    fn zero_is_a_code_or_is_not() {
        let q = Quant { codes: Codes::U8, scale: Per::Axis(0, vec![1.0, 3.0].into()), zero: Per::Tensor(7.0) };
        assert_eq!((q.zero_code(), q.is_plain(), q.step(), q.zero_point(), q.parts()), (Some(7), false, 2.0, 7, 2));
        assert_eq!((q.along(1), q.reach(), q.span()), ((3.0, 7.0), 744.0, 248));
        let q = Quant { zero: Per::Tensor(7.5), ..q };
        assert_eq!((q.zero_code(), q.nominal()), (None, Quant::new(Codes::U8, 2.0, 8)));
        assert!(Quant::new(Codes::I8, 0.5, 3).is_plain());
        assert_eq!(Quant { zero: Per::Tensor(1e300), ..q }.zero_point(), 255);
    }

    #[test]
    fn codes_of_reals() {
        let q = Quant::covering(Codes::I8, -1.0, 3.0);
        assert_eq!((q.step(), q.zero_point(), q.code(-1.0), q.code(3.0), q.code(9.0)), (4.0 / 255.0, -64, -128, 127, 127));
        assert_eq!((q.real(-64), q.code(0.0)), (0.0, -64));
        assert_eq!((Quant::PROBABILITY.step(), Quant::PROBABILITY.zero_point()), (1.0 / 256.0, -128));
    }
}
