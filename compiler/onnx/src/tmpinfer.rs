use mcompc_ir::*;
pub fn infer(g: &Graph, id: NodeId) -> Result<Vec<Value>> {
    let n = g.node(id);
    let ins: Vec<Vec<usize>> = g.inputs_of(id).iter().map(|&v| g.value(v).shape.clone()).collect();
    let a = &n.attrs;
    let bc = |a: &[usize], b: &[usize]| -> Result<Vec<usize>> {
        let r = a.len().max(b.len());
        (0..r).map(|i| { let x = if i + a.len() >= r { a[i + a.len() - r] } else { 1 }; let y = if i + b.len() >= r { b[i + b.len() - r] } else { 1 };
            if x == y || y == 1 { Ok(x) } else if x == 1 { Ok(y) } else { Err(Error::new(Code::BadShape, "broadcast").hint("x")) } }).collect()
    };
    let shape = match n.op.as_str() {
        "Conv" | "AveragePool" | "MaxPool" => {
            let s = a.usizes("strides")?; let p = a.usizes("pads")?;
            let k = if n.op == "Conv" { ins[1][2..].to_vec() } else { a.usizes("kernel")? };
            let d = if n.op == "Conv" { a.usizes("dilations")? } else { vec![1, 1] };
            let o = |i: usize| (ins[0][2 + i] + p[i] + p[i + 2] - ((k[i] - 1) * d[i] + 1)) / s[i] + 1;
            vec![ins[0][0], if n.op == "Conv" { ins[1][0] } else { ins[0][1] }, o(0), o(1)]
        }
        "Dense" => vec![ins[0][0], ins[1][0]],
        "MatMul" => { if ins[0].len() < 2 || ins[1].len() < 2 || ins[0][ins[0].len()-1] != ins[1][ins[1].len()-2] { return Err(Error::new(Code::BadShape, "matmul").hint("x")); }
            let mut o = bc(&ins[0][..ins[0].len()-2], &ins[1][..ins[1].len()-2])?; o.push(ins[0][ins[0].len()-2]); o.push(ins[1][ins[1].len()-1]); o }
        "Add" | "Sub" | "Mul" | "Div" => bc(&ins[0], &ins[1])?,
        "Reshape" => a.usizes("shape")?,
        "Transpose" => a.usizes("perm")?.iter().map(|&p| ins[0][p]).collect(),
        "Pad" => { let p = a.usizes("pads")?; let r = ins[0].len(); (0..r).map(|i| ins[0][i] + p[i] + p[r + i]).collect() }
        "Concat" => { let x = a.int("axis")? as usize; let mut o = ins[0].clone(); o[x] = ins.iter().map(|i| i[x]).sum(); o }
        "ReduceMean" => { let x = a.usizes("axes")?; let k = a.int("keepdims")? == 1; ins[0].iter().enumerate().filter_map(|(i, &d)| if x.contains(&i) { k.then_some(1) } else { Some(d) }).collect() }
        _ => ins[0].clone(),
    };
    Ok(vec![Value::new("", DType::F32, shape)])
}
