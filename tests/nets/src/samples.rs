//! The raw form of a network's inputs, and made-up data in it.

use crate::source::{Prng, Source};
use mcompc_data::InputSpec;
use mcompc_ir::{DType, Result, Tensor};

/// Samples for calibration.
pub const CALIBRATION: usize = 4;

/// One input's raw form and its data, sample by sample.
#[derive(Clone, Debug)]
pub struct Column {
    /// The `--input` flag; `None` for plain floats.
    pub flag: Option<String>,
    /// Raw tensors of the input's shape.
    pub data: Vec<Tensor>,
}

/// Draws the raw form of the input `name` and data for it.
///
/// # Errors
/// None that is not a fault of this function.
pub fn column(s: &mut Source, name: &str, shape: &[usize]) -> Result<Column> {
    let flag = flag(s, name, shape);
    let dtype = flag.as_deref().map(InputSpec::parse).transpose()?.map_or(DType::F32, |spec| spec.dtype);
    let spread = s.pick(&[1.0, 1.0, 1.0, 0.02, 6.0, 40.0]);
    let positive = s.chance(25);
    let mut rng = s.data();
    let n: usize = shape.iter().product();
    let data = (0..CALIBRATION).map(|_| sample(&mut rng, dtype, shape, n, spread, positive)).collect::<Result<_>>()?;
    Ok(Column { flag, data })
}

fn flag(s: &mut Source, name: &str, shape: &[usize]) -> Option<String> {
    let form = s.below(12);
    if form < 7 {
        return None;
    }
    let dtype = ["u8", "i8", "u8", "i8", "u8"][form - 7];
    let scale = s.pick(&["0.0078125", "1", "0.02", "0.1", "0.003921568627"]);
    let offsets: &[&str] = if dtype == "u8" { &["0", "128", "127.5", "100", "255"] } else { &["0", "-128", "10", "127", "0.5"] };
    let offset = s.pick(offsets);
    let channels = match shape {
        [_, c, _, _] | [_, c] => *c,
        _ => 1,
    };
    // One scale a channel, as images are normalised.
    if form >= 10 && (2..=8).contains(&channels) {
        let list = |s: &mut Source, of: &[&str]| (0..channels).map(|_| s.pick(of).to_string()).collect::<Vec<_>>().join(";");
        let scales = list(s, &["0.0172", "0.0175", "0.0174", "0.02"]);
        let offsets = if s.chance(60) { format!("[{}]", list(s, offsets)) } else { offset.to_string() };
        return Some(format!("{name}={dtype},scale=[{scales}],offset={offsets}"));
    }
    Some(format!("{name}={dtype},scale={scale},offset={offset}"))
}

fn sample(rng: &mut Prng, dtype: DType, shape: &[usize], n: usize, spread: f64, positive: bool) -> Result<Tensor> {
    match dtype {
        DType::U8 => Tensor::from_u8(shape, &(0..n).map(|_| rng.below(256) as u8).collect::<Vec<_>>()),
        DType::I8 => Tensor::from_i8(shape, &(0..n).map(|_| rng.below(256) as u8 as i8).collect::<Vec<_>>()),
        _ => {
            let one = |rng: &mut Prng| {
                let v = spread * rng.normal();
                (if positive { v.abs() } else { v }) as f32
            };
            Tensor::from_f32(shape, &(0..n).map(|_| one(rng)).collect::<Vec<_>>())
        }
    }
}
