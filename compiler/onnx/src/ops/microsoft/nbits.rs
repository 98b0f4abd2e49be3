//! MatMulNBits: weights of few bits in blocks along K, each with a scale and a zero point.

use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{DType, Result, Tensor};

fn size(c: &Ctx<'_, '_, '_>, name: &str) -> Result<usize> {
    let v = c.attrs.int_or(name, 0)?;
    usize::try_from(v).ok().filter(|&n| (1..1 << 24).contains(&n)).ok_or_else(|| unsupported(name, v).hint("give a positive number"))
}

/// Codes of `bits` bits, packed from the lowest on; as many as the bytes hold.
fn codes(bytes: &[u8], bits: usize) -> impl Iterator<Item = u8> + '_ {
    let mask = ((1u16 << bits) - 1) as u8;
    bytes.iter().flat_map(move |&b| (0..8 / bits).map(move |i| b >> (i * bits) & mask))
}

/// A [.., K], B [N, K / block, block * bits / 8], scales and zero points [N, K / block] (packed, or floats), the places of groups, a bias [N].
pub(super) fn matmul(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (k, n, block) = (size(c, "K")?, size(c, "N")?, size(c, "block_size")?);
    let bits = c.attrs.int_or("bits", 4)?;
    // How exact the executor's products are; here they are exact.
    c.attrs.int("accuracy_level")?;
    c.attrs.int("weight_prepacked")?;
    if !matches!(bits, 2 | 4 | 8) {
        return Err(unsupported("bits", bits).hint("2, 4 and 8 are"));
    }
    let bits = bits as usize;
    if !(block * bits).is_multiple_of(8) {
        return Err(unsupported("block_size", block).hint("blocks are whole bytes"));
    }
    if c.input_name(4).is_some() {
        return c.not_built("with groups in another order (g_idx)", "quantize without act_order");
    }
    let (Some(b), Some(scales)) = (c.constant(1)?, c.constant(2)?) else { return c.misfit("weights and scales are needed") };
    let zeros = c.constant(3)?;
    let blocks = k.div_ceil(block);
    let row = blocks * block * bits / 8;
    if b.dtype != DType::U8 || b.bytes().len() != n * row || scales.elems() != n * blocks || scales.dtype != DType::F32 {
        return c.misfit(format!("weights of shape {:?} and scales of {:?} for {n} rows of {blocks} blocks", b.shape, scales.shape));
    }
    c.b.reader.materialise(4 * (n * k) as u64)?;
    let packed = (blocks * bits).div_ceil(8);
    let zeros: Vec<f32> = match &zeros {
        None => vec![(1 << (bits - 1)) as f32; n * blocks],
        Some(z) if z.dtype == DType::F32 && z.elems() == n * blocks => z.as_f32()?.to_vec(),
        Some(z) if z.dtype == DType::U8 && z.bytes().len() == n * packed => {
            z.bytes().chunks_exact(packed).flat_map(|row| codes(row, bits).take(blocks).map(f32::from)).collect()
        }
        Some(z) => return c.misfit(format!("zero points of shape {:?}", z.shape)),
    };
    let scales = scales.as_f32()?;
    let mut w = vec![0f32; k * n];
    for (o, bytes) in b.bytes().chunks_exact(row).enumerate() {
        for (i, q) in codes(bytes, bits).take(k).enumerate() {
            let at = o * blocks + i / block;
            w[i * n + o] = (f32::from(q) - zeros[at]) * scales[at];
        }
    }
    let w = c.constant_named(Tensor::from_f32([k, n], &w)?, "weights")?;
    let input = vec![c.name_of(0), w];
    if c.input_name(5).is_none() {
        return c.nested("MatMul", 13, input, c.outputs(), Vec::new());
    }
    let y = c.inner("MatMul", 13, input, Vec::new())?;
    let bias = c.input(5)?;
    let y = c.plain("Add", &[y, bias])?;
    c.output(0, y)
}
