//! Whether an array fits a graph input, and what to do where it does not.

use crate::npy::{Elem, Header, bad};
use crate::{Input, convert};
use mcompc_ir::{DType, Result};

/// Number of samples of an array for this input. Errors: `BadCalib`, each with the way out in its case.
pub(crate) fn samples(h: &Header, input: &Input) -> Result<usize> {
    let spec = &input.spec;
    let Some(elem) = h.elem else {
        return Err(bad(format!("elements of type `{}` are not read", h.descr))
            .hint("store little-endian f2, f4, f8, i1, u1, i2, u2, i4, i8 or bool"));
    };
    if h.fortran {
        return Err(bad("the array is in Fortran order").hint("store numpy.ascontiguousarray(x)"));
    }
    if !convert::fits(elem, spec.dtype) {
        return Err(bad(format!("the array holds {}, but the input is declared as {}", elem.name(), spec.dtype))
            .hint(another_type(&spec.name, elem, spec.dtype)));
    }
    let want = &input.shape;
    match h.shape.split_first() {
        Some((&n, rest)) if rest == want || want.first() == Some(&1) && rest == &want[1..] => match n {
            0 => Err(bad("the array holds no samples").hint("give at least one sample on axis 0")),
            n => Ok(n),
        },
        _ => Err(bad(format!("the array's shape is {:?}, expected samples on axis 0 of shape {want:?}", h.shape))
            .hint(another_shape(&h.shape, want))),
    }
}

fn another_type(name: &str, elem: Elem, want: DType) -> String {
    let raw = match elem {
        Elem::F2 | Elem::F4 | Elem::F8 => return format!("declare floats with --input {name}=f32, or store the raw {want} values"),
        Elem::Bool | Elem::U1 => DType::U8,
        Elem::I1 => DType::I8,
        Elem::I2 => DType::I16,
        Elem::U2 | Elem::I4 => DType::I32,
        Elem::I8 => DType::I64,
    };
    format!(
        "declare what the file holds with --input {name}={raw},scale=S,offset=O, where real = S * (raw - O); or store x.astype('float32')"
    )
}

fn another_shape(have: &[usize], want: &[usize]) -> String {
    let one = if want.first() == Some(&1) { &want[1..] } else { want };
    let rest = have.get(1..).unwrap_or_default();
    let (images, lead) = match rest {
        [1, image @ ..] if rest.len() == 4 => (image, "0, 1, "),
        _ => (rest, "0, "),
    };
    let axes = |order: [usize; 3]| {
        let at = order.map(|i| (i + lead.len() / 3).to_string()).join(", ");
        format!("store numpy.transpose(x, ({lead}{at}))")
    };
    if have == want || have == one {
        return "this is one sample; axis 0 counts samples, store x[None]".into();
    }
    if let (&[a, b, c], &[x, y, z]) = (images, one) {
        if [c, a, b] == [x, y, z] {
            return format!("the array is channels-last, the input channels-first: {}", axes([2, 0, 1]));
        }
        if [b, c, a] == [x, y, z] {
            return format!("the array is channels-first, the input channels-last: {}", axes([1, 2, 0]));
        }
    }
    // A header may state any sizes.
    let per_sample = rest.iter().try_fold(1usize, |a, &d| a.checked_mul(d));
    let list = |s: &[usize]| s.iter().map(|d| format!(", {d}")).collect::<String>();
    if per_sample == Some(want.iter().product()) && !rest.is_empty() {
        return format!("a sample has the right number of elements: store x.reshape(-1{})", list(one));
    }
    if want.len() > 1 && rest == &want[1..] {
        return format!("a call of the model takes {} at once: store x.reshape(-1{})", want[0], list(want));
    }
    if rest.len() == want.len() || rest.len() == one.len() {
        return "bring the samples to this size, or export the model for the data's".into();
    }
    "axis 0 counts samples; a batch dimension of 1 may be left out".into()
}

#[cfg(test)]
mod tests {
    use super::another_shape;

    #[test]
    fn hints_of_shapes() {
        let at = |have: &[usize], want: &[usize], part: &str| {
            let hint = another_shape(have, want);
            assert!(hint.contains(part), "{have:?} for {want:?}: {hint}");
        };
        at(&[9, 8, 6, 3], &[1, 3, 8, 6], "channels-first: store numpy.transpose(x, (0, 3, 1, 2))");
        at(&[9, 1, 8, 6, 3], &[1, 3, 8, 6], "numpy.transpose(x, (0, 1, 4, 2, 3))");
        at(&[9, 3, 8, 6], &[1, 8, 6, 3], "channels-last: store numpy.transpose(x, (0, 2, 3, 1))");
        at(&[3, 8, 6], &[1, 3, 8, 6], "x[None]");
        at(&[2, 5], &[2, 5], "x[None]");
        at(&[9, 144], &[1, 3, 8, 6], "x.reshape(-1, 3, 8, 6)");
        at(&[8, 5], &[4, 5], "takes 4 at once: store x.reshape(-1, 4, 5)");
        at(&[9, 3, 9, 6], &[1, 3, 8, 6], "to this size");
        at(&[9, 7], &[1, 3, 8, 6], "axis 0 counts samples");
        at(&[], &[1, 3], "axis 0 counts samples");
    }
}
