//! A library whose code is chosen when it runs: the same integers, lowered for every variant of every ABI of a bundle.

use crate::check::check_variant;
use crate::compile::compile;
use crate::describe::package_input;
use crate::limit::MaxLoss;
use crate::progress::{Progress, timed};
use crate::request::{Request, default_backend};
use crate::size::of_object;
use crate::stages::{Built, Compiled, info, lowered, storage, translate};
use crate::tasks::{Library, judged};
use mcompc_bundle::{Abi, Arch, Bundle, Input, Slice, Variant, constants, linker, render, share};
use mcompc_ir::{Code, Error, Result};
use mcompc_lower::Lowered;
use mcompc_package::{PackageInput, Sizes};
use mcompc_target::{Backend, Target};

/// Compiles for the request's target, which the report is about, and for every variant of the bundle's ABIs; checks the code of each, and
/// renders all files.
///
/// # Errors
/// As [`library`](crate::library), for every variant; E002 where the request is for firmware, E505 where there is no linker.
pub fn bundle(o: &Request, form: &Bundle, abis: &[&'static Abi], limit: MaxLoss, progress: &dyn Progress) -> Result<Library> {
    refuse_firmware(o)?;
    // What is not there is said before any work.
    for abi in abis {
        abi.targets()?.iter().try_for_each(|t| backend(o, t).map(|_| ()))?;
        if abi.arch != Arch::MachO {
            linker()?;
        }
    }
    let compiled = compile(o, progress)?;
    let report = judged(o, &compiled, limit, progress)?;
    let mut sum = Sum::default();
    let slices = abis.iter().map(|abi| slice(o, &compiled, abi, &mut sum, progress)).collect::<Result<Vec<_>>>()?;
    let names = |s: &Slice| s.variants.iter().map(|v| v.target.name.clone()).collect::<Vec<_>>();
    let targets = slices.iter().flat_map(names).collect::<Vec<_>>();
    let variants = if slices.iter().any(|s| s.abi.arch == Arch::MachO) { vec![] } else { targets.clone() };
    let first = slices.first().and_then(|s| s.variants.last());
    let package = PackageInput {
        target: targets.join(", "),
        requires: first.map(|v| v.target.requires.clone()).unwrap_or_default(),
        variants,
        arena_bytes: sum.arena,
        arena_align: sum.align,
        sizes: Sizes { stack: Some(sum.stack), ..sum.sizes },
        coded: sum.coded,
        ..package_input(o, &compiled, &report)?
    };
    let files = timed(progress, "linking", || render(form, &Input { package, slices }))?;
    Ok(Library { files, report })
}

/// What belongs to an object that is linked at its place.
fn refuse_firmware(o: &Request) -> Result<()> {
    let f = &o.firmware;
    let asked = [
        ("--weights-section", f.weights_section.is_some()),
        ("--layer-dump", f.layer_dump),
        ("--slices", f.slices),
        ("--emit", !f.forms.is_empty()),
    ];
    match asked.into_iter().find(|(_, asked)| *asked) {
        Some((flag, _)) => Err(Error::new(Code::Usage, format!("{flag} is for a library of one object, a bundle has several"))
            .hint(format!("leave out {flag} or --bundle"))),
        None => Ok(()),
    }
}

/// What any variant takes at most, and what those of one ABI take together.
#[derive(Default)]
struct Sum {
    arena: usize,
    align: usize,
    stack: u64,
    coded: bool,
    sizes: Sizes,
}

/// Bytes that the dispatcher takes on the stack.
const DISPATCHER: u64 = 1280;

impl Sum {
    fn add(&mut self, b: &Built) {
        self.arena = self.arena.max(b.lowered.arena_bytes);
        self.align = self.align.max(b.lowered.arena_align);
        self.stack = self.stack.max(b.stack_bytes + DISPATCHER);
        self.coded |= b.lowered.decoder.is_some();
    }
}

/// The back end of a variant: the one that was asked for, where it is not the usual one.
fn backend(o: &Request, target: &Target) -> Result<Backend> {
    let backend = if o.backend == default_backend(&o.target) { default_backend(target) } else { o.backend };
    target.machine(backend)?;
    if mcompc_backend::built_in(backend) { Ok(backend) } else { Err(target.needs_mlir()) }
}

fn slice(o: &Request, c: &Compiled, abi: &'static Abi, sum: &mut Sum, progress: &dyn Progress) -> Result<Slice> {
    let targets = abi.targets()?.into_iter().map(|t| Ok((backend(o, &t)?, t))).collect::<Result<Vec<_>>>()?;
    let alone = abi.arch == Arch::MachO;
    let chosen = o.ask.is_some() && o.scheme.is_none();
    let firmware = storage(&o.firmware, (&c.front.canonical, &c.quantized.origin), &c.quantized.scheme, chosen)?;
    let mut all = timed(progress, "making kernels", || {
        let one = |(backend, t): &(Backend, Target)| {
            let machine = t.bundle_machine(*backend)?;
            let name = if alone { o.name.clone() } else { format!("{}_{}", o.name, t.name.replace('-', "_")) };
            let mut made = lowered(&name, &c.quantized.graph, &machine, (t, *backend), &firmware)?;
            if alone {
                made.module.data.push(info(&o.name, t, &c.front.sha256));
            }
            Ok(made)
        };
        targets.iter().map(one).collect::<Result<Vec<Lowered>>>()
    })?;
    let mut modules: Vec<_> = all.iter_mut().map(|l| &mut l.module).collect();
    let shared = share(&mut modules, &o.name);
    let data = if shared.data.is_empty() { None } else { Some(constants(abi.arch, &shared.data)?) };
    let (mut variants, mut sizes) = (Vec::new(), Sizes::default());
    let bytes = |d: &mcompc_kernel::Data| d.bytes.len() as u64;
    for d in &shared.data {
        *(if d.weights { &mut sizes.weights } else { &mut sizes.tables }) += bytes(d);
    }
    for ((lowered, names), (backend, target)) in all.into_iter().zip(&shared.names).zip(targets) {
        let entry = lowered.entry.clone();
        let built = translate(lowered, (&target, backend), &o.firmware, names, progress)?;
        let (code, constants) = of_object(&built.object)?;
        let own = built.lowered.module.data.iter().filter(|d| d.weights && !names.contains(&d.name)).map(bytes).sum::<u64>();
        sizes.code += code;
        sizes.weights += own;
        sizes.tables += constants.saturating_sub(own);
        // What runs here are the very objects that are linked.
        let object = built.object.clone();
        let whole = match &data {
            Some(data) => Built { object: mcompc_package::archive_of(&[("variant.o", &object), ("constants.o", data)])?, ..built },
            None => built,
        };
        check_variant(&Request { target: target.clone(), backend, ..o.clone() }, c, &whole, progress)?;
        sum.add(&whole);
        variants.push(Variant { target, entry, object });
    }
    if sizes.code > sum.sizes.code {
        sum.sizes = sizes;
    }
    Ok(Slice { abi, variants, shared: shared.data })
}
