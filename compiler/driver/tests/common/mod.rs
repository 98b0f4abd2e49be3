//! The model of this repository, as a request.
#![allow(clippy::unwrap_used)]

use mcompc_compress::{RangeMethod, WeightBits};
use mcompc_data::InputSpec;
use mcompc_driver::{Firmware, Request};
use mcompc_target::{Backend, Target};
use std::path::Path;

/// The digits net for a target, by Cranelift.
pub fn digits(target: &str) -> Request {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/digits");
    Request {
        model: dir.join("digits.onnx"),
        command: None,
        target: Target::by_name(target).unwrap(),
        backend: Backend::Cranelift,
        name: "digits".into(),
        calib: Some(dir.join("digits.calib.npz")),
        inputs: vec![InputSpec::parse("pixels=u8,scale=1,offset=0").unwrap()],
        dims: vec![],
        cut: Default::default(),
        states: Default::default(),
        range: RangeMethod::Mse,
        firmware: Firmware::default(),
        weights: WeightBits::default(),
        acts: Default::default(),
        scheme: None,
        ask: None,
    }
}
