//! Add, Sub, Mul and Div with a constant operand that no layer before could take.

use super::Ctx;
use super::layer::Layer;
use mcompc_ir::{Code, Error, Node, NodeId, Quant, Result, Tensor, ValueId};
use mcompc_ops::act;

impl Ctx<'_> {
    /// The input port of the constant operand, if there is one.
    pub(super) fn const_operand(&self, id: NodeId) -> Option<usize> {
        self.r.from.inputs_of(id).iter().position(|&v| self.r.from.const_of(v).is_some())
    }

    /// Takes a constant that is added no farther than to where the result saturates whatever the other operand is: a mask of -1e9 says no more.
    fn no_farther(&self, id: NodeId, node: &Node, x: ValueId, port: usize, data: &mut [f64]) -> Result<()> {
        if node.op == "Mul" {
            // Beyond this every code of x but that of 0 saturates.
            let (xq, yq) = (self.quant(x)?, self.quant(self.r.from.out(id))?);
            let most = (yq.reach() + 2.0 * yq.step()) / xq.step();
            data.iter_mut().for_each(|c| *c = c.clamp(-most, most));
            return Ok(());
        }
        let sign = match (node.op.as_str(), port) {
            ("Add", _) => 1.0,
            ("Sub", 1) => -1.0,
            _ => return Ok(()),
        };
        let (xq, yq) = (self.quant(x)?, self.quant(self.r.from.out(id))?);
        let ends = |q: &Quant| [q.codes.min(), q.codes.max()].map(|c| q.real(c.into()));
        let ([x_lo, x_hi], [y_lo, y_hi]) = (ends(&xq), ends(&yq));
        // A step beyond, since both are rounded.
        let (lo, hi) = (y_lo - x_hi - yq.step(), y_hi - x_lo + yq.step());
        data.iter_mut().for_each(|c| *c = sign * (sign * *c).clamp(lo, hi));
        Ok(())
    }

    pub(super) fn const_arith(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let ins = self.r.from.inputs_of(id);
        // The caller has found one.
        let port = self.const_operand(id).unwrap_or(1);
        let (x, c) = (ins[1 - port], ins[port]);
        let (shape, cs) = (self.r.from.value(x).shape.clone(), self.r.from.value(c).shape.clone());
        let mut data: Vec<f64> = mcompc_ops::reals(self.r.from, c)?.into_iter().map(f64::from).collect();
        let given = data.clone();
        self.no_farther(id, node, x, port, &mut data)?;
        let (lo, hi) = act(node)?;
        if data.len() == 1 {
            // A function of one value: the constant stays a number.
            let k = match data[0] == given[0] {
                true => self.plain(c)?,
                false => self.r.to.add_const(format!("{}.const", node.name), Tensor::from_f32(cs, &[data[0] as f32])?),
            };
            let (x, q) = (self.uniform(x)?, self.quant(self.r.from.out(id))?);
            let reads = if port == 1 { [x, k] } else { [k, x] };
            return self.emit(id, node.attrs.clone(), &reads, q);
        }
        let out = self.r.from.value(self.r.from.out(id)).shape.clone();
        if node.op == "Div" && port == 0 {
            return Err(Error::new(Code::NoInteger, format!("a constant of shape {cs:?} divided by a tensor has no integer form"))
                .hint("int8 divides one constant number by a tensor, and a tensor by any constant"));
        }
        if node.op == "Div" && data.contains(&0.0) {
            return Err(Error::new(Code::NoInteger, "division by a constant that holds 0 has no integer form"));
        }
        let channels = shape.last().copied().unwrap_or(1);
        if data.len() == channels && cs.last() == Some(&channels) && out == shape {
            let one = |v: f64| match (node.op.as_str(), port) {
                ("Add", _) => (1.0, v),
                ("Sub", 1) => (1.0, -v),
                ("Sub", _) => (-1.0, v),
                ("Mul", _) => (v, 0.0),
                _ => (1.0 / v, 0.0),
            };
            let (k, b): (Vec<f64>, Vec<f64>) = data.iter().map(|&v| one(v)).unzip();
            let (xi, q) = (self.plain(x)?, self.quant(self.r.from.out(id))?);
            let layer = Layer { act: (lo, hi), fused: node.fused.clone(), ..Layer::new(&node.name, &node.outs[0].name, xi, q) };
            return self.per_channel(layer, shape.len() - 1, &k, &b);
        }
        let mut full: Vec<f64> = mcompc_ops::offsets(&cs, &out).into_iter().map(|at| data[at]).collect();
        if node.op == "Div" {
            full.iter_mut().for_each(|v| *v = 1.0 / *v);
        }
        let q = Quant::holding(self.quant(self.r.from.out(id))?.codes, full.iter().copied());
        let codes: Vec<i32> = full.iter().map(|&x| q.code(x)).collect();
        let k = self.r.to.add_const(format!("{}.const", node.name), Tensor::from_ints(q.codes.dtype(), out, &codes)?);
        self.r.to.value_mut(k).quant = Some(q);
        let x = self.plain(x)?;
        let reads = if port == 1 { [x, k] } else { [k, x] };
        let op = if node.op == "Div" { "Mul" } else { &node.op };
        let q = self.quant(self.r.from.out(id))?;
        let v = self.emit_as(&node.name, op, node.attrs.clone(), &reads, &node.outs[0].name, q)?;
        self.r.fused(v, id);
        Ok(v)
    }
}
