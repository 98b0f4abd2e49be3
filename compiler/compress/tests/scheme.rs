//! Schemes: what is written is what is done, what is changed by hand is what is done then, and what does not fit is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::int::{Int, integerize};
use common::model::Model;
use mcompc_compress::{Options, Scheme, WeightBits, apply};
use mcompc_ir::{Code, Error, Quant, print};
use std::path::PathBuf;

fn model() -> Model {
    let file = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/digits").join(name);
    Model::load(&file("digits.onnx"), &["pixels=u8,scale=1,offset=0".into()], &file("digits.calib.npz")).unwrap()
}

fn options() -> [Options; 3] {
    let four = WeightBits { bits: 4, ..Default::default() };
    let groups = WeightBits { bits: 4, block: Some(32), ends: true, ..Default::default() };
    [WeightBits::default(), four, groups].map(|weights| Options { weights, ..Default::default() })
}

/// The integers of a scheme's text.
fn redone(m: &Model, text: &str) -> Result<String, Error> {
    let coded = apply(&m.graph, &m.stats, &m.inputs, &text.parse::<Scheme>()?)?;
    Ok(print(&mcompc_integerize::integerize(&coded.graph)?.graph))
}

fn first(m: &Model, o: &Options) -> Int {
    integerize(&m.graph, &m.stats, &m.specs, o).unwrap()
}

#[test]
fn the_text_gives_the_same_integers() {
    let m = model();
    for o in options() {
        let int = first(&m, &o);
        assert_eq!(redone(&m, &int.scheme.to_string()).unwrap(), print(&int.graph));
        // And so does the coded graph's.
        let coded = mcompc_ir::parse(&print(&int.coded)).unwrap();
        assert_eq!(print(&mcompc_integerize::integerize(&coded).unwrap().graph), print(&int.graph));
    }
}

#[test]
fn a_change_by_hand_is_done() {
    let m = model();
    let [int8, four, _] = options();
    let wanted = first(&m, &four);
    // Every layer as the other scheme has it: its integers follow.
    let mut scheme = first(&m, &int8).scheme;
    scheme.layers = wanted.scheme.layers.clone();
    assert_eq!(redone(&m, &scheme.to_string()).unwrap(), print(&wanted.graph));
    // A value with coarser steps: the last but the probabilities, whose steps are fixed.
    let at = scheme.values.len() - 2;
    let (name, q) = scheme.values[at].clone();
    scheme.values[at].1 = Quant::new(q.codes, 2.0 * q.step(), q.zero_point());
    let graph = mcompc_ir::parse(&redone(&m, &scheme.to_string()).unwrap()).unwrap();
    let value = graph.ids().into_iter().map(|id| graph.value(graph.out(id))).find(|v| v.name == name).unwrap();
    assert_eq!(value.quant.as_ref().unwrap().step(), 2.0 * q.step());
    scheme.values[at + 1].1 = Quant::new(q.codes, 0.5, 0);
    assert_eq!(redone(&m, &scheme.to_string()).unwrap_err().code, Code::NoInteger);
}

/// Every method that can take the model's layers can be named, keeps the layer's mean and gives the same whatever the number of threads.
#[test]
fn every_method_can_be_named() {
    let m = model();
    let four = first(&m, &options()[1]).scheme;
    let again = |threads, text: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| redone(&m, text).unwrap())
    };
    let mut seen = std::collections::BTreeSet::new();
    for method in mcompc_compress::METHODS.iter().filter(|m| m.sees) {
        let mut s = four.clone();
        for l in s.layers.iter_mut().filter(|l| l.bits == 4) {
            l.method = method.name.into();
            // Of eight bits, and of a step that is given.
            if method.name == "step" {
                (l.bits, l.step) = (8, Some(0.03));
            }
        }
        if s.check(&m.graph).is_err() {
            assert_eq!(method.name, "kbest");
            continue;
        }
        let text = s.to_string();
        let one = again(1, &text);
        assert_eq!(one, again(4, &text), "{}", method.name);
        assert!(seen.insert(one), "{} is another", method.name);
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn what_does_not_fit_is_refused() {
    let m = model();
    let good = first(&m, &Options::default()).scheme;
    let refused = |change: &dyn Fn(&mut Scheme), what: &str| {
        let mut s = good.clone();
        change(&mut s);
        let e = redone(&m, &s.to_string()).unwrap_err();
        assert!(e.code == Code::Usage && e.message.contains(what) && e.hint.is_some(), "{what}: {e}");
        assert_eq!(s.check(&m.graph).unwrap_err(), e);
    };
    refused(&|s| drop(s.values.pop()), "says nothing of value");
    refused(&|s| drop(s.layers.pop()), "says nothing of layer");
    refused(&|s| s.values[0].0.push('x'), "says nothing of value");
    refused(&|s| s.values.push(("elsewhere".into(), Quant::PROBABILITY)), "does not have");
    refused(&|s| s.values.push(s.values[0].clone()), "twice");
    refused(&|s| s.layers.push(s.layers[0].clone()), "twice");
    refused(&|s| s.layers[0].method = "magic".into(), "there are nearest, search, group, gptq, comq, kbest, ridge");
    refused(&|s| s.layers[0].bits = 5, "makes no weights of 5 bits");
    refused(&|s| s.layers[0].group = Some(32), "in groups of 32");
    let other = |s: &mut Scheme| s.values[0].1 = Quant::new(mcompc_ir::Codes::signed(12), 0.5, 0);
    refused(&other, "codes that are not i8, i16 or i17 to i30");
}
