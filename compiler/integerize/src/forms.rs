//! The table of integer forms: which float operators have one, and what is asked of a node before any data are read.

use super::{Ctx, no_integer, reals};
use mcompc_ir::{Code, DType, Error, Graph, Node, NodeId, Result, ValueId};

/// The integer form of a float operator.
pub struct Form {
    /// Float operator.
    pub op: &'static str,
    /// Whether a node, of a float or of a coded graph, has the form: everything that would be refused whatever the data.
    pub accepts: fn(&Graph, NodeId) -> Result<()>,
    /// Integer operators that it is made of, beside those that bring operands to one width or shape.
    pub gives: &'static [&'static str],
    /// Adds the form of a node that is accepted; the result stands for the node's.
    pub(crate) run: fn(&mut Ctx<'_>, NodeId, &Node) -> Result<ValueId>,
}

const fn form(
    op: &'static str,
    accepts: fn(&Graph, NodeId) -> Result<()>,
    gives: &'static [&'static str],
    run: fn(&mut Ctx<'_>, NodeId, &Node) -> Result<ValueId>,
) -> Form {
    Form { op, accepts, gives, run }
}

/// Functions of one value have one form.
static FUNCTION: Form = form("a function of one value", any, &["q.lut", "q.rescale", "q.curve"], |c, id, n| c.unary(id, n));

/// Every other form; a row an operator.
pub static FORMS: &[Form] = &[
    form("Conv", weighted, &["q.conv"], |c, id, n| c.conv(id, n)),
    form("Dense", weighted, &["q.dense"], |c, id, n| c.dense(id, n)),
    form("MatMul", arithmetic, &["q.matmul"], |c, id, n| c.matmul(id, n)),
    form("Add", arithmetic, &["q.add", "q.lut"], |c, id, n| c.add(id, n)),
    form("Sub", arithmetic, &["q.add", "q.lut"], |c, id, n| c.add(id, n)),
    form("Mul", arithmetic, &["q.mul", "q.lut"], |c, id, n| c.mul(id, n)),
    form("Div", division, &["q.mul", "q.lut"], |c, id, n| c.mul(id, n)),
    form("AveragePool", window, &["q.avgpool"], |c, id, n| c.average_pool(id, n)),
    form("ReduceMean", any, &["q.sum"], |c, id, n| c.sum_over(id, n)),
    form("ReduceSum", any, &["q.sum"], |c, id, n| c.sum_over(id, n)),
    form("ReduceMax", any, &["ReduceMax"], |c, id, n| c.moves(id, n)),
    form("ReduceMin", any, &["ReduceMin"], |c, id, n| c.moves(id, n)),
    form("ArgMax", any, &["q.argmax"], |c, id, n| c.arg_max(id, n)),
    form("Softmax", last_axis, &["q.softmax"], |c, id, n| c.softmax(id, n)),
    form("Norm", super::norm::accepts, &["q.norm"], |c, id, n| c.norm(id, n)),
    form("Hypot", any, &["q.hypot"], |c, id, _| c.hypot(id)),
    form("MaxPool", any, &["q.maxpool"], |c, id, n| c.moves(id, n)),
    form("Reshape", any, &["Reshape"], |c, id, n| c.moves(id, n)),
    form("Transpose", any, &["Transpose"], |c, id, n| c.moves(id, n)),
    form("Slice", any, &["Slice"], |c, id, n| c.moves(id, n)),
    form("Concat", constants, &["Concat"], |c, id, n| c.moves(id, n)),
    form("Gather", super::gather::accepts, &["Gather"], |c, id, n| c.gather(id, n)),
    form("Pad", finite, &["Pad"], |c, id, n| c.moves(id, n)),
    form("Recode", any, &["q.rescale", "q.lut"], |c, id, n| c.recode(id, n)),
    // Compression leaves none: a value has the codes at once, or is recoded.
    form("Quantize", any, &["q.rescale", "q.lut"], |c, id, n| c.recode(id, n)),
];

/// The row of an operator.
pub(crate) fn of(op: &str) -> Result<&'static Form> {
    form_of(op).map_or_else(|| refused(op), Ok)
}

/// The integer form of a float operator, where it has one.
pub fn form_of(op: &str) -> Option<&'static Form> {
    FORMS.iter().find(|f| f.op == op).or_else(|| mcompc_ops::is_map(op).then_some(&FUNCTION))
}

/// Problems that are named one by one.
const NAMED: usize = 8;

/// Everything of a graph that has no integer form, whatever the data: operators, axes, operands that must be constants, constants that are
/// not finite. Ranges and accumulators are no matter of structure. In the order of execution, with the nodes' names.
///
/// # Errors
/// A cycle.
pub fn problems(g: &Graph) -> Result<Vec<Error>> {
    let mut found = Vec::new();
    for id in g.topo()? {
        let node = g.node(id);
        let asked = match node.op.as_str() {
            "const" => Ok(()),
            "input" => input(g, id),
            op => of(op).and_then(|form| (form.accepts)(g, id)),
        };
        found.extend(asked.err().map(|e| e.at(&node.name)));
    }
    for o in g.outputs.iter().filter(|o| g.const_of(o.value).is_some() && g.value(o.value).quant.is_none()) {
        found.extend(reals(g, o.value).err().map(|e| e.at(&o.name)));
    }
    Ok(found)
}

/// The first of [`problems`] as an error, which names the nodes of the others.
///
/// # Errors
/// `NoInteger`, or what the first problem is.
pub fn supported(g: &Graph) -> Result<()> {
    let mut found = problems(g)?.into_iter();
    let Some(mut first) = found.next() else { return Ok(()) };
    let more: Vec<String> = found.map(|e| format!("`{}`", e.node.unwrap_or_default())).collect();
    if !more.is_empty() {
        let rest = if more.len() > NAMED { ", .." } else { "" };
        let named = more[..more.len().min(NAMED)].join(", ");
        first.message = format!("{}; refused too ({}): {named}{rest}", first.message, more.len());
    }
    Err(first)
}

/// The refusal of an operator that has no form at all.
fn refused<T>(op: &str) -> Result<T> {
    Err(Error::new(Code::NoInteger, format!("{op} has no integer form")).hint("docs/status.md lists what is refused, and why"))
}

fn any(_: &Graph, _: NodeId) -> Result<()> {
    Ok(())
}

fn input(g: &Graph, id: NodeId) -> Result<()> {
    let value = g.value(g.out(id));
    if value.dtype == DType::F32 || value.dtype == DType::I32 {
        return Ok(());
    }
    Err(Error::new(Code::NoInteger, format!("a graph input of type {} is not taken", value.dtype))
        .at(&value.name)
        .hint("give the float model; models that are quantized already are not imported yet"))
}

/// A constant is codes, or finite reals.
fn constant(g: &Graph, v: ValueId) -> Result<()> {
    let coded = g.const_of(v).is_some_and(|t| t.dtype == DType::F64 || g.value(v).quant.is_some());
    if coded { Ok(()) } else { reals(g, v).map(drop) }
}

fn weighted(g: &Graph, id: NodeId) -> Result<()> {
    g.inputs_of(id)[1..].iter().try_for_each(|&v| constant(g, v))
}

fn constants(g: &Graph, id: NodeId) -> Result<()> {
    g.inputs_of(id).into_iter().filter(|&v| g.const_of(v).is_some()).try_for_each(|v| constant(g, v))
}

fn arithmetic(g: &Graph, id: NodeId) -> Result<()> {
    if g.inputs_of(id).iter().all(|&v| g.const_of(v).is_some()) {
        return Err(Error::new(Code::NoInteger, "a function of constants only").hint("store its result in the model instead"));
    }
    constants(g, id)
}

fn division(g: &Graph, id: NodeId) -> Result<()> {
    let ins = g.inputs_of(id);
    match [0, 1].map(|i| g.const_of(ins[i])) {
        [None, None] => Err(Error::new(Code::NoInteger, "a division by a computed tensor has no integer form")
            .hint("divisions by a constant, and of one constant number by a tensor, have one")),
        [Some(a), None] if a.elems() != 1 => {
            Err(Error::new(Code::NoInteger, format!("a constant of shape {:?} divided by a tensor has no integer form", a.shape))
                .hint("int8 divides one constant number by a tensor, and a tensor by any constant"))
        }
        [None, Some(b)] if b.elems() != 1 && reals(g, ins[1])?.contains(&0.0) => {
            no_integer("division by a constant that holds 0 has no integer form")
        }
        _ => arithmetic(g, id),
    }
}

/// Elements of a window at most: there is a multiplier for each number of them.
const WINDOW: usize = 1 << 22;

fn window(g: &Graph, id: NodeId) -> Result<()> {
    let area = g.node(id).attrs.usizes("kernel")?.into_iter().fold(1, usize::saturating_mul);
    if area <= WINDOW {
        return Ok(());
    }
    let e = Error::new(Code::Limit, format!("windows of {area} elements, {WINDOW} are the most"));
    Err(e.hint("pool in two steps (rows, then columns)"))
}

fn last_axis(g: &Graph, id: NodeId) -> Result<()> {
    let (axis, rank) = (g.node(id).attrs.int("axis")?, g.value(g.inputs_of(id)[0]).shape.len());
    if axis + 1 == rank as i64 {
        return Ok(());
    }
    Err(Error::new(Code::Internal, format!("a softmax over axis {axis} of {rank}"))
        .hint("a pass brings its axis to the end; a bug worth reporting"))
}

fn finite(g: &Graph, id: NodeId) -> Result<()> {
    let value = mcompc_ops::pad_value(g, id)?;
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::new(Code::NoInteger, format!("padding with {value} has no code"))
        .hint("a maximum pool leaves its own padding out: give it the pads; other operators need a finite value"))
}
