//! Seeded mutation of ONNX files: protobuf trees, spliced and damaged, and raw bytes.
#![allow(dead_code)]

use super::*;

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the whole run follows from one seed.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

#[derive(Clone, Debug)]
enum Body {
    Varint(u64),
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
    Tree(Vec<Field>),
}

#[derive(Clone, Debug)]
struct Field {
    tag: u64,
    body: Body,
}

fn varint(data: &[u8], pos: &mut usize) -> Option<u64> {
    let mut v = 0u64;
    for shift in (0..64).step_by(7) {
        let b = *data.get(*pos)?;
        *pos += 1;
        v |= u64::from(b & 0x7f) << shift;
        if b < 0x80 {
            return Some(v);
        }
    }
    None
}

/// The fields of a message; `None` when the bytes are not one. What could be text stays bytes.
fn parse(data: &[u8], depth: usize) -> Option<Vec<Field>> {
    let (mut pos, mut out) = (0, Vec::new());
    while pos < data.len() {
        let key = varint(data, &mut pos)?;
        let tag = key >> 3;
        if tag == 0 || tag > 30 {
            return None;
        }
        let mut take = |n: usize| {
            let s = data.get(pos..pos.checked_add(n)?)?;
            pos += n;
            Some(s.to_vec())
        };
        let body = match key & 7 {
            0 => Body::Varint(varint(data, &mut pos)?),
            5 => Body::Fixed(take(4)?),
            1 => Body::Fixed(take(8)?),
            2 => {
                let n = usize::try_from(varint(data, &mut pos)?).ok()?;
                let s = data.get(pos..pos.checked_add(n)?)?;
                pos += n;
                let text = s.iter().all(|&b| b == b'\n' || (0x20..0x7f).contains(&b)) && s.first() != Some(&b'\n');
                match parse(s, depth + 1).filter(|_| depth < 12 && s.len() < 1 << 16 && !s.is_empty() && !text) {
                    Some(t) => Body::Tree(t),
                    None => Body::Bytes(s.to_vec()),
                }
            }
            _ => return None,
        };
        out.push(Field { tag, body });
    }
    Some(out)
}

fn put(mut v: u64, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Writes fields; `lie` counts down to one length that is written wrongly.
fn write(fields: &[Field], lie: &mut i64, rng: &mut Rng, out: &mut Vec<u8>) {
    for f in fields {
        let wire = match &f.body {
            Body::Varint(_) => 0,
            Body::Fixed(b) if b.len() == 4 => 5,
            Body::Fixed(_) => 1,
            _ => 2,
        };
        put(f.tag << 3 | wire, out);
        let inner = match &f.body {
            Body::Varint(v) => {
                put(*v, out);
                continue;
            }
            Body::Fixed(b) => {
                out.extend(b);
                continue;
            }
            Body::Bytes(b) => b.clone(),
            Body::Tree(t) => {
                let mut inner = Vec::new();
                write(t, lie, rng, &mut inner);
                inner
            }
        };
        *lie -= 1;
        let n = inner.len() as u64;
        put(if *lie == 0 { [n + 1, n.saturating_sub(1), 0, u64::MAX, 1 << 31, n * 2][rng.below(6)] } else { n }, out);
        out.extend(inner);
    }
}

fn count(fields: &[Field]) -> usize {
    fields.iter().map(|f| 1 + if let Body::Tree(t) = &f.body { count(t) } else { 0 }).sum()
}

/// The list that holds field number `n` in order of writing, and its place there.
fn locate<'a>(fields: &'a mut Vec<Field>, n: &mut usize) -> Option<(&'a mut Vec<Field>, usize)> {
    for i in 0..fields.len() {
        if *n == 0 {
            return Some((fields, i));
        }
        *n -= 1;
        let inner = if let Body::Tree(t) = &fields[i].body { count(t) } else { 0 };
        if *n < inner {
            return match &mut fields[i].body {
                Body::Tree(t) => locate(t, n),
                _ => None,
            };
        }
        *n -= inner;
    }
    None
}

fn pick(fields: &[Field], rng: &mut Rng) -> Option<Field> {
    let mut copy = fields.to_vec();
    let mut n = rng.below(count(fields));
    locate(&mut copy, &mut n).map(|(list, i)| list[i].clone())
}

const INTERESTING: &[u64] = &[
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    10,
    13,
    16,
    22,
    23,
    127,
    128,
    255,
    65535,
    1 << 24,
    1 << 31,
    1 << 32,
    1 << 62,
    i64::MAX as u64,
    i64::MIN as u64,
    u64::MAX,
    u64::MAX - 1,
];

fn mutate_field(list: &mut Vec<Field>, i: usize, donor: Option<Field>, rng: &mut Rng) {
    match (rng.below(8), donor) {
        (0, _) => {
            list.remove(i);
        }
        (1, _) => {
            let f = list[i].clone();
            list.insert(rng.below(list.len() + 1), f);
        }
        (2, Some(d)) => list[i].body = d.body,
        (3, Some(d)) => list.insert(i, d),
        (4, _) => list[i].tag = rng.below(30) as u64 + 1,
        (5, _) => {
            let j = rng.below(list.len());
            list.swap(i, j);
        }
        _ => match &mut list[i].body {
            Body::Varint(v) => {
                *v = if rng.below(2) == 0 {
                    INTERESTING[rng.below(INTERESTING.len())]
                } else {
                    v.wrapping_add(rng.next() % 5).wrapping_sub(2)
                }
            }
            Body::Fixed(b) | Body::Bytes(b) => damage(b, rng),
            Body::Tree(t) => t.reverse(),
        },
    }
}

fn damage(b: &mut Vec<u8>, rng: &mut Rng) {
    match rng.below(5) {
        0 => b.truncate(rng.below(b.len() + 1)),
        1 => b.push(rng.next() as u8),
        2 if b.len() >= 4 => {
            let at = rng.below(b.len() - 3);
            let v = [f32::NAN, f32::INFINITY, -1.0, 1e38, 0.0][rng.below(5)].to_le_bytes();
            b[at..at + 4].copy_from_slice(&v);
        }
        _ if !b.is_empty() => {
            let at = rng.below(b.len());
            b[at] ^= 1 << rng.below(8);
        }
        _ => {}
    }
}

/// Small files that together hold every operator of the table, and the digits model.
pub fn seeds() -> Vec<Vec<u8>> {
    let c3 = |n: &str| floats(n, &[2], &[0.5, 1.5]);
    let x = |dims: &[i64], opset, nodes, consts| model(opset, vec![value("x", dims)], vec![free("y")], consts, nodes).encode_to_vec();
    let mut out = vec![std::fs::read(models().join("digits/digits.onnx")).unwrap()];
    for opset in [7, 10, 13, 18, 22, 27] {
        let conv = vec![
            a_ints("strides", &[2, 1]),
            a_str("auto_pad", "SAME_UPPER"),
            a_ints("dilations", &[1, 1]),
            a_int("group", 1),
            a_ints("kernel_shape", &[3, 3]),
        ];
        let pool = |c: i64| {
            vec![a_ints("kernel_shape", &[2, 2]), a_ints("strides", &[1, 2]), a_ints("pads", &[1, 0, 0, 1]), a_int("ceil_mode", c)]
                [..3 + c as usize]
                .to_vec()
        };
        out.push(x(
            &[1, 2, 6, 6],
            opset,
            vec![
                node("Conv", &["x", "w"], "a", conv),
                node("BatchNormalization", &["a", "s", "s", "s", "s"], "b", vec![a_float("epsilon", 0.1)]),
                node("MaxPool", &["b"], "c", pool(i64::from(opset >= 10))),
                node("AveragePool", &["c"], "d", pool(0)),
                node("Concat", &["d", "d"], "e", vec![a_int("axis", 1)]),
                node(if opset < 13 { "GlobalMaxPool" } else { "GlobalAveragePool" }, &["e"], "f", vec![]),
                node("Flatten", &["f"], "g", vec![a_int("axis", 1)]),
                node("Gemm", &["g", "m", "s"], "h", vec![a_int("transB", 1), a_float("alpha", 0.5), a_float("beta", 2.0)]),
                node("Softmax", &["h"], "y", vec![a_int("axis", -1)]),
            ],
            vec![floats("w", &[2, 2, 3, 3], &[0.1; 36]), c3("s"), floats("m", &[2, 4], &[1.0; 8])],
        ));
    }
    out.push(x(
        &[1, 2, 3],
        13,
        vec![
            node("Constant", &[], "k", vec![a_ints("value_ints", &[0, -1])]),
            node("Reshape", &["x", "k"], "a", vec![]),
            node("Pad", &["a", "p", "lo"], "b", vec![a_str("mode", "constant")]),
            node("Clip", &["b", "lo", "hi"], "c", vec![]),
            node("Unsqueeze", &["c", "ax"], "d", vec![]),
            node("Squeeze", &["d", "ax"], "e", vec![]),
            node("Transpose", &["e"], "f", vec![a_ints("perm", &[1, 0])]),
            node("ReduceMean", &["f"], "g", vec![a_ints("axes", &[0]), a_int("keepdims", 1)]),
            node("MatMul", &["g", "one"], "h", vec![]),
            node("Dropout", &["h"], "i0", vec![]),
            node("Cast", &["i0"], "i", vec![a_int("to", 1)]),
            node("Mul", &["i", "i"], "j", vec![]),
            node("Sub", &["j", "lo"], "k2", vec![]),
            node("Div", &["k2", "hi"], "l", vec![]),
            node("HardSigmoid", &["l"], "y", vec![a_float("alpha", 0.3)]),
        ],
        vec![
            ints("p", &[0, 1, 0, 1]),
            floats("lo", &[], &[0.0]),
            floats("hi", &[], &[6.0]),
            ints("ax", &[0]),
            floats("one", &[1, 1], &[1.0]),
        ],
    ));
    let mut split = node("Split", &["c"], "d1", vec![a_int("axis", 1)]);
    split.output.push("d2".into());
    out.push(x(
        &[1, 2, 8],
        13,
        vec![
            node("Conv", &["x", "w"], "a", vec![a_ints("pads", &[1, 0])]),
            node("Slice", &["a", "start", "end", "axis", "step"], "b", vec![]),
            node("Pad", &["b", "p"], "c", vec![a_str("mode", "reflect")]),
            split,
            node("Add", &["d1", "d2"], "e", vec![]),
            node("MaxPool", &["e"], "f", vec![a_ints("kernel_shape", &[2])]),
            node("ReduceSum", &["f", "axis"], "g", vec![]),
            node("ReduceMax", &["g"], "h", vec![a_ints("axes", &[1])]),
            node("ReduceMin", &["h"], "y", vec![a_ints("axes", &[-1]), a_int("keepdims", 0)]),
        ],
        vec![
            floats("w", &[4, 2, 3], &[0.1; 24]),
            ints("start", &[-1]),
            ints("end", &[-100]),
            ints("axis", &[2]),
            ints("step", &[-2]),
            ints("p", &[0, 0, 1, 0, 0, 2]),
        ],
    ));
    let volume = vec![a_ints("kernel_shape", &[1, 2, 2]), a_ints("strides", &[2, 1, 1]), a_ints("pads", &[0, 1, 0, 0, 0, 1])];
    out.push(x(
        &[1, 2, 4, 3, 3],
        11,
        vec![node("Conv", &["x", "w"], "a", vec![a_int("group", 2)]), node("AveragePool", &["a"], "y", volume)],
        vec![floats("w", &[2, 1, 2, 2, 2], &[0.1; 16])],
    ));
    let image = vec![
        node("ConvTranspose", &["x", "w"], "a", vec![a_ints("strides", &[2, 1]), a_ints("output_padding", &[0, 0])]),
        node("InstanceNormalization", &["a", "s", "s"], "b", vec![]),
        node("PRelu", &["b", "slope"], "c", vec![]),
        node("SpaceToDepth", &["c"], "d", vec![a_int("blocksize", 2)]),
        node("GroupNormalization", &["d", "g", "g"], "e", vec![a_int("num_groups", 2)]),
        node("DepthToSpace", &["e"], "f", vec![a_int("blocksize", 2), a_str("mode", "CRD")]),
        node("Resize", &["f", "", "scales"], "g1", vec![a_str("mode", "linear")]),
        node("Resize", &["g1", "", "", "sizes"], "g2", vec![a_ints("axes", &[2, 3]), a_str("nearest_mode", "floor")]),
        node("LRN", &["g2"], "h", vec![a_int("size", 3)]),
        node("MeanVarianceNormalization", &["h"], "i", vec![]),
        node("Gather", &["i", "at"], "j", vec![a_int("axis", 3)]),
        node("Expand", &["j", "shape"], "k", vec![]),
        node("Tile", &["k", "repeats"], "l", vec![]),
        node("Where", &["q", "l", "slope"], "y", vec![]),
    ];
    let constants = || {
        vec![
            floats("w", &[2, 2, 2, 3], &[0.1; 24]),
            floats("s", &[2], &[0.5, 1.5]),
            floats("g", &[8], &[0.5; 8]),
            floats("slope", &[], &[0.25]),
            floats("scales", &[4], &[1.0, 1.0, 1.5, 2.0]),
            ints("sizes", &[4, 6]),
            ints("at", &[2, 0, 1]),
            ints("shape", &[2, 1, 1, 1]),
            ints("repeats", &[1, 1, 2, 1]),
            TensorProto { dims: vec![], data_type: Some(data_type::BOOL), int64_data: vec![], int32_data: vec![1], ..ints("q", &[]) },
        ]
    };
    out.push(x(&[1, 2, 2, 2], 21, image, constants()));
    let rows = vec![
        node("LayerNormalization", &["x", "g"], "a", vec![a_int("axis", -1)]),
        node("RMSNormalization", &["a", "g"], "b", vec![a_float("epsilon", 0.1)]),
        node("LogSoftmax", &["b"], "c", vec![]),
        node("LpNormalization", &["c"], "d", vec![a_int("p", 1)]),
        node("Pow", &["d", "two"], "e", vec![]),
        node("Max", &["e", "c"], "f", vec![]),
        node("Min", &["f", "d"], "h", vec![]),
        node("Mean", &["h", "c", "d"], "i", vec![]),
        node("Sum", &["i", "c", "d"], "j", vec![]),
        node("ReduceL1", &["j"], "k", vec![]),
        node("ReduceL2", &["k", "axes"], "l", vec![a_int("keepdims", 1)]),
        node("ReduceSumSquare", &["l"], "m", vec![a_int("keepdims", 1)]),
        node("ReduceLogSumExp", &["m", "axes"], "n", vec![]),
        node("ReduceLogSum", &["m"], "y", vec![]),
    ];
    out.push(x(&[2, 8], 23, rows, vec![floats("g", &[8], &[0.5; 8]), floats("two", &[], &[2.0]), ints("axes", &[-1])]));
    let steps = vec![
        node("LSTM", &["x", "w4", "r4"], "a", vec![a_int("hidden_size", 2)]),
        node("Squeeze", &["a", "one"], "b", vec![]),
        node("GRU", &["b", "w3", "r3"], "c", vec![a_int("hidden_size", 2), a_int("linear_before_reset", 1)]),
        node("Squeeze", &["c", "one"], "d", vec![]),
        node("RNN", &["d", "w1", "r1"], "y", vec![a_int("hidden_size", 2), a_str("direction", "reverse")]),
    ];
    let weights = |name: &str, gates: i64| floats(name, &[1, 2 * gates, 2], &vec![0.25; 4 * gates as usize]);
    let weights = ["w4", "r4", "w3", "r3", "w1", "r1"].map(|n| weights(n, n[1..].parse().unwrap()));
    out.push(x(&[2, 1, 2], 14, steps, weights.into_iter().chain([ints("one", &[1])]).collect()));
    let codes = |name: &str, kind: i32, dims: &[i64], v: &[i32]| TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(kind),
        int32_data: v.to_vec(),
        ..Default::default()
    };
    let nodes = vec![
        node("QuantizeLinear", &["x", "s", "z"], "a", vec![]),
        node("QLinearConv", &["a", "s", "z", "w", "s", "zw", "s", "z"], "b", vec![]),
        node("Reshape", &["b", "shape"], "c", vec![]),
        node("QLinearMatMul", &["c", "s", "z", "m", "s", "zw", "s", "z"], "d", vec![]),
        node("DequantizeLinear", &["d", "s", "z"], "y", vec![]),
    ];
    let consts = vec![
        floats("s", &[], &[0.5]),
        codes("z", data_type::UINT8, &[], &[128]),
        codes("zw", data_type::INT8, &[], &[0]),
        codes("w", data_type::INT8, &[2, 2, 1, 1], &[1, -2, 3, 4]),
        codes("m", data_type::INT8, &[4, 3], &[1; 12]),
        ints("shape", &[2, 4]),
    ];
    out.push(x(&[1, 2, 2, 2], 13, nodes, consts));
    let up = vec![node("Upsample", &["x", "scales"], "y", vec![a_str("mode", "nearest")])];
    out.push(x(&[1, 2, 2, 2], 9, up, constants()));
    let shape = vec![
        node("Shape", &["x"], "s", vec![a_int("start", 0), a_int("end", 2)]),
        node("Mul", &["s", "two"], "t", vec![]),
        node("Equal", &["t", "two"], "q", vec![]),
        node("Where", &["q", "two", "t"], "v", vec![]),
        node("Cast", &["v"], "f", vec![a_int("to", 1)]),
        node("Floor", &["f"], "g", vec![]),
        node("CastLike", &["g", "two"], "h", vec![]),
        node("ReduceProd", &["h"], "n", vec![a_int("keepdims", 1)]),
        node("ConstantOfShape", &["n"], "z", vec![]),
        node("CastLike", &["z", "x"], "zf", vec![]),
        node("Reshape", &["zf", "h"], "zs", vec![]),
        node("Reshape", &["x", "s"], "xs", vec![]),
        node("MatMul", &["xs", "zs"], "y", vec![]),
    ];
    out.push(x(&[2, 2], 19, shape, vec![ints("two", &[1, 1])]));
    let chain = ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "HardSwish", "Identity"];
    let nodes = (0..chain.len()).map(|i| {
        node(
            chain[i],
            &[if i == 0 { "x".to_string() } else { format!("t{i}") }.as_str()],
            &if i + 1 == chain.len() { "y".into() } else { format!("t{}", i + 1) },
            vec![],
        )
    });
    let mut m = model(14, vec![symbolic("x", &["1", "4"])], vec![value("y", &[1, 4])], vec![], nodes.collect());
    m.graph.as_mut().unwrap().node.reverse();
    out.push(m.encode_to_vec());
    // One small model of every operator that the ones above have not.
    let cases = Cases::of_operators().cases;
    out.extend(bodies());
    for row in mcompc_onnx::ops::TABLE.iter().chain(mcompc_onnx::ops::microsoft()) {
        // Field 4 of a node, which is no part of a longer name.
        let field = [&[0x22, row.name.len() as u8], row.name.as_bytes()].concat();
        let has = |m: &Vec<u8>| m.windows(field.len()).any(|w| w == field);
        if !out.iter().any(has) {
            out.extend(cases.iter().map(|c| &c.model).find(|m| has(m)).cloned());
        }
    }
    out
}

/// Nodes that bodies stand for, and sequences.
fn bodies() -> Vec<Vec<u8>> {
    let scalar = |name: &str, v: i64| TensorProto { dims: vec![], ..ints(name, &[v]) };
    let of = |nodes: Vec<NodeProto>| {
        let constants = vec![ints("n", &[3]), scalar("two", 2), floats("zeros", &[2], &[0.0, 0.0]), floats("zero", &[], &[0.0])];
        model(16, vec![value("x", &[3, 2])], vec![free("y")], constants, nodes).encode_to_vec()
    };
    let step = counting(vec![]);
    let running = body(&["v", "e"], vec![node("Add", &["v", "e"], "w", vec![])], &["w", "w"], vec![]);
    let branch = |op: &str| body(&[], vec![node(op, &["x"], "r", vec![])], &["r"], vec![]);
    let scan = node("Scan", &["zeros", "x"], "last", vec![a_int("num_scan_inputs", 1), a_graph("body", running)]);
    vec![
        of(vec![node("Loop", &["n", "", "x"], "y", vec![a_graph("body", step)])]),
        of(vec![NodeProto { output: vec!["last".into(), "y".into()], ..scan }]),
        of(vec![
            node("ReduceSum", &["x"], "s", vec![a_int("keepdims", 0)]),
            node("Greater", &["s", "zero"], "c", vec![]),
            node("If", &["c"], "y", vec![a_graph("then_branch", branch("Relu")), a_graph("else_branch", branch("Neg"))]),
        ]),
        of(vec![
            node("SplitToSequence", &["x", "n"], "s", vec![a_int("axis", 0)]),
            node("SequenceInsert", &["s", "x"], "t", vec![]),
            node("SequenceErase", &["t"], "u", vec![]),
            node("ConcatFromSequence", &["u"], "y", vec![a_int("axis", 0)]),
        ]),
    ]
}

/// Parsed seeds, ready to be mutated.
pub struct Mutator {
    seeds: Vec<(Vec<u8>, Vec<Field>)>,
}

impl Mutator {
    pub fn new() -> Self {
        Self { seeds: seeds().into_iter().map(|s| (s.clone(), parse(&s, 0).expect("a seed is protobuf"))).collect() }
    }

    /// A damaged file. Three quarters of them keep the protobuf structure whole.
    pub fn next(&self, rng: &mut Rng) -> Vec<u8> {
        let (raw, tree) = &self.seeds[rng.below(self.seeds.len())];
        if rng.below(8) == 0 {
            let mut bytes = raw.clone();
            for _ in 0..=rng.below(4) {
                damage(&mut bytes, rng);
            }
            return bytes;
        }
        let mut fields = tree.clone();
        for _ in 0..=rng.below(4) {
            let donor = pick(&self.seeds[rng.below(self.seeds.len())].1, rng);
            let mut n = rng.below(count(&fields));
            if let Some((list, i)) = locate(&mut fields, &mut n) {
                mutate_field(list, i, donor, rng);
            }
        }
        let mut lie = if rng.below(8) == 0 { rng.below(60) as i64 + 1 } else { 0 };
        let mut out = Vec::new();
        write(&fields, &mut lie, rng, &mut out);
        out
    }
}
