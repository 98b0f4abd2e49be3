//! Calibration files and the flag that says what they hold.

use std::path::{Path, PathBuf};

use mcompc_compress::Scheme;
use mcompc_data::{Dataset, Input, InputSpec};
use mcompc_ir::DType;

use super::helpful;

/// The data of this repository cut to its start, and array files of several types.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for descr in ["<f4", "|u1", "|i1", "<i2", "<f8", "<f2", "|b1", "<i8"] {
        for shape in ["(3, 1, 2, 2)", "(3, 2, 2)", "(3,)", "()", "(0, 2, 2)"] {
            let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
            while (header.len() + 11) % 64 != 0 {
                header.push(' ');
            }
            header.push('\n');
            let mut file = b"\x93NUMPY\x01\x00".to_vec();
            file.extend((header.len() as u16).to_le_bytes());
            file.extend(header.as_bytes());
            file.extend([1; 3 * 4 * 8]);
            seeds.push(file);
        }
    }
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/digits");
    for name in ["digits.calib.npz", "digits.eval.npz"] {
        seeds.extend(std::fs::read(digits.join(name)));
    }
    seeds
}

/// A file of this process, for functions that take a path.
fn path() -> PathBuf {
    std::env::temp_dir().join(format!("mcompc-fuzz-{}.bin", std::process::id()))
}

/// A data file read to its end as three kinds of input.
pub fn dataset(bytes: &[u8]) -> Result<String, String> {
    let path = path();
    std::fs::write(&path, bytes).map_err(|e| e.to_string())?;
    let outcome = read(&path);
    std::fs::remove_file(&path).map_err(|e| e.to_string())?;
    outcome
}

fn read(path: &Path) -> Result<String, String> {
    let data = match Dataset::open(path) {
        Ok(data) => data,
        Err(error) => return helpful(&error),
    };
    let mut outcome = String::from("opened");
    for (dtype, name, shape) in
        [(DType::F32, "x", [1, 2, 2].to_vec()), (DType::U8, "pixels", vec![1, 1, 8, 8]), (DType::I16, "x", vec![1, 2, 2])]
    {
        let spec = InputSpec { dtype, ..InputSpec::float(name) };
        let inputs = [Input::new(spec, shape).map_err(|e| e.to_string())?];
        match data.samples(&inputs) {
            Ok(mut samples) => {
                let count = samples.total();
                match samples.try_fold(0, |n, sample| sample.map(|_| n + 1)) {
                    Ok(n) if n != count => return Err(format!("{n} samples, {count} announced")),
                    Ok(n) => {
                        outcome += " read";
                        if let Err(error) = data.labels(&inputs, n) {
                            outcome += &helpful(&error)?;
                        }
                    }
                    Err(error) => outcome += &helpful(&error)?,
                }
            }
            Err(error) => outcome += &helpful(&error)?,
        }
    }
    Ok(outcome)
}

/// Values of `--input`.
pub fn flag_seeds() -> Vec<Vec<u8>> {
    [
        "input_1=u8,scale=0.5847029,offset=83",
        "x=i8",
        "a=u8,scale=[0.1;0.2;1e-3],offset=[1;2;3]",
        "a:b/c=f32",
        "x=i16,scale=3.05e-05,offset=0",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// `--input` itself.
pub fn flag(bytes: &[u8]) -> Result<String, String> {
    match InputSpec::parse(&String::from_utf8_lossy(bytes)) {
        Ok(spec) => {
            if let Some(v) = spec.scale.iter().chain(&spec.offset).find(|v| !v.is_finite()) {
                return Err(format!("accepted {v}"));
            }
            let (dtype, channels) = (spec.dtype, spec.scale.len().max(spec.offset.len()));
            let axis = Input::new(spec, vec![1, 3, 8, 8]).is_ok();
            Ok(format!("{dtype}, {} channels, axis {axis}", channels.min(3)))
        }
        Err(error) => helpful(&error),
    }
}

/// Schemes.
pub fn scheme_seeds() -> Vec<Vec<u8>> {
    [
        "scheme 1\nbias-correction on\nvalue \"x\" i8 scale 0.0078125 zero -3 ; -1.0 to 1.0\nlayer \"conv\" nearest bits 8 ; first layer\n",
        "; by hand\nscheme 1\nbias-correction off\nvalue \"a \\\"b\\\" \\u{e9}\" i8 range -1.5 2e3\nlayer fc group bits 4 group 32\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// `--scheme`: what is read is printed so that it is read again.
pub fn scheme(bytes: &[u8]) -> Result<String, String> {
    match String::from_utf8_lossy(bytes).parse::<Scheme>() {
        Ok(scheme) => match scheme.to_string().parse::<Scheme>() {
            Ok(again) if again == scheme => Ok(format!("{} values, {} layers", scheme.values.len().min(3), scheme.layers.len().min(3))),
            again => Err(format!("{scheme} is read as {again:?}")),
        },
        Err(error) => helpful(&error),
    }
}
