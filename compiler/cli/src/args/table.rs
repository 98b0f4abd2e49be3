//! The commands.

use super::build::{BUILD, JSON, PARETO, SCHEME_OUT, TIMINGS};
use super::complete::SHELLS;
use super::row::{Command, Row, Tables, flag, operand, switch};
use super::values::{max_loss, number, text, word};
use crate::{commands, docs};
use mcompc_target::Target;

/// First words of several commands.
pub(crate) static GROUPS: &[(&str, &str)] = &[("dev", "Tools for the compiler's own development")];

/// Both.
pub(crate) const TABLES: Tables<'static> = Tables { commands: COMMANDS, groups: GROUPS };

/// All commands, in the order of documents; the first one is meant where none is named.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "compile",
        about: "Compiles a model and writes the library, its header, a Rust crate and the report",
        rows: &[BUILD, SCHEME_OUT, JSON, TIMINGS, COMPILE],
        run: commands::compile,
    },
    Command {
        name: "plan",
        about: "Shows what a model would cost and what each layer becomes; writes no library",
        rows: &[BUILD, PARETO, SCHEME_OUT, JSON, TIMINGS],
        run: commands::plan,
    },
    Command {
        name: "verify",
        about: "Runs native code and compares it with the integer reference (every byte) and with the float model",
        rows: &[BUILD, JSON, TIMINGS, VERIFY],
        run: commands::verify,
    },
    Command {
        name: "run",
        about: "Writes a model's outputs for the samples of a file, by the target's code, the graph of integers or the float model",
        rows: &[BUILD, JSON, TIMINGS, RUN],
        run: commands::run,
    },
    Command {
        name: "bench",
        about: "Measures native code: instructions by layer under a counting emulator, time on this computer, stack, flash, RAM",
        rows: &[BUILD, JSON, TIMINGS, BENCH],
        run: commands::bench,
    },
    Command {
        name: "compare",
        about: "Shows in what two outputs differ: sizes, forecasts, losses, and layer by layer",
        rows: &[OUTPUTS, JSON],
        run: |g, _| commands::compare(g),
    },
    Command { name: "targets", about: "Lists the targets", rows: &[JSON], run: |_, _| commands::targets() },
    Command { name: "explain", about: "Explains an error code, such as E201", rows: &[CODE, JSON], run: |g, _| commands::explain(&g.code) },
    Command {
        name: "completions",
        about: "Prints a shell's completions",
        rows: &[SHELL, JSON],
        run: |g, _| commands::completions(g.shell, &TABLES),
    },
    Command { name: "man", about: "Prints the manual page", rows: &[JSON], run: |_, _| commands::man(&TABLES) },
    Command {
        name: "dev show",
        about: "Prints a model at one stage of the way through the compiler, in its text form",
        rows: &[STAGE, BUILD, JSON],
        run: commands::show,
    },
    Command {
        name: "dev cost",
        about: "Measures generated layers on a target and fits its cost tables",
        rows: &[COST],
        run: commands::cost,
    },
    Command { name: "dev docs", about: "Prints a generated document", rows: &[DOCUMENT], run: |g, _| commands::document(g, &TABLES) },
];

const COMPILE: &[Row] = &[
    flag("out", "DIR", "Folder to write; replaced as a whole if mcompc wrote it", |g, v| {
        g.out = v.into();
        Ok(())
    })
    .short('o')
    .required()
    .aside(),
    flag("emit", "FORM", "Adds the library in another form, for a build system", |g, v| {
        g.forms.push(word("--emit", v, mcompc_package::on_demand().map(|name| (name, name)))?);
        Ok(())
    })
    .often()
    .choices(|| mcompc_package::on_demand().collect()),
    flag(
        "bundle",
        "FORM",
        "Writes the library for every CPU of an ABI, which chooses its code when it runs, instead of an object for one: linux (shared and static \
         library for the ABI of --target), android (AAR), ios (xcframework and Swift package)",
        |g, v| {
            g.bundle = Some(word("--bundle", v, mcompc_bundle::BUNDLES.iter().map(|b| (b.name, b)))?);
            Ok(())
        },
    )
    .choices(|| mcompc_bundle::BUNDLES.iter().map(|b| b.name).collect()),
    switch("force", "Replace the output folder whatever it holds", |g, _| {
        g.force = true;
        Ok(())
    })
    .aside(),
    flag(
        "max-loss",
        "[top1:|error:]N",
        "Refuse to write a library that loses more on the calibration samples: N expected points of top-1 accuracy for \
         classifiers, else N percent of the output's variance as squared error; top1:N or error:N chooses, none allows anything \
         [default: 5 points; 10 percent, 30 for int8]",
        |g, v| {
            g.max_loss = Some(max_loss(v)?);
            Ok(())
        },
    ),
];

const VERIFY: &[Row] = &[
    flag(
        "data",
        "FILE",
        "Samples to run, in the form of --calib; labels, where there are any, as array `y` [default: the calibration data]",
        |g, v| {
            g.data = Some(v.into());
            Ok(())
        },
    ),
    flag("limit", "N", "Run at most this many samples", |g, v| {
        g.limit = Some(number("--limit", v)?);
        Ok(())
    }),
    switch("by-the-book", "Compare every sample with the by-the-book interpreter, not only the first 16 (slow)", |g, _| {
        g.by_the_book = true;
        Ok(())
    }),
    switch("per-layer", "Adds what every layer differs from the float model, on up to 64 samples", |g, _| {
        g.per_layer = true;
        Ok(())
    }),
    flag("max-loss", "[top1:|error:]N", "Fail if the samples lose more than this, as for `compile` [default: none]", |g, v| {
        g.max_loss = Some(max_loss(v)?);
        Ok(())
    }),
];

const OUTPUTS: &[Row] = &[
    operand("FIRST", "Folder that mcompc wrote, or its report.json", |g, v| {
        g.model = v.into();
        Ok(())
    }),
    operand("SECOND", "The other", |g, v| {
        g.other = v.into();
        Ok(())
    }),
];

const RUN: &[Row] = &[
    flag("out", "FILE", "File (.npz) to write: an array an output, samples on axis 0", |g, v| {
        g.out = v.into();
        Ok(())
    })
    .short('o')
    .required(),
    flag("data", "FILE", "Samples to run, in the form of --calib [default: the calibration data]", |g, v| {
        g.data = Some(v.into());
        Ok(())
    }),
    flag("limit", "N", "Run at most this many samples", |g, v| {
        g.limit = Some(number("--limit", v)?);
        Ok(())
    }),
    switch("reference", "By the float model: no quantization, no target", |g, _| {
        g.reference = true;
        Ok(())
    }),
    switch(
        "integers",
        "By the graph of integers, whose bytes are those of every target's code: nothing is generated or emulated",
        |g, _| {
            g.integers = true;
            Ok(())
        },
    ),
    switch("codes", "Write the integers themselves, not the reals that they stand for", |g, _| {
        g.codes = true;
        Ok(())
    }),
];

const BENCH: &[Row] = &[
    flag("data", "FILE", "Samples to run, in the form of --calib [default: the calibration data, or random inputs]", |g, v| {
        g.data = Some(v.into());
        Ok(())
    }),
    flag("limit", "N", "Inferences to count [default: 4]", |g, v| {
        g.limit = Some(number("--limit", v)?);
        Ok(())
    }),
    flag(
        "plugin",
        "FILE",
        "QEMU's counting plug-in [default: MCOMPC_QEMU_COUNT, or beside the executable, where Cargo builds it]",
        |g, v| {
            g.plugin = Some(v.into());
            Ok(())
        },
    ),
];

const CODE: &[Row] = &[operand("CODE", "Error code", |g, v| {
    g.code = text(v)?.into();
    Ok(())
})];

const SHELL: &[Row] = &[operand("SHELL", "Which one", |g, v| {
    g.shell = word("shell", v, SHELLS.iter().map(|s| (s.name, s.name)))?;
    Ok(())
})
.choices(|| SHELLS.iter().map(|s| s.name).collect())];

const STAGE: &[Row] = &[operand("STAGE", "Which one", |g, v| {
    g.stage = word("stage", v, commands::STAGES.iter().map(|s| (s.name, s.name)))?;
    Ok(())
})
.choices(|| commands::STAGES.iter().map(|s| s.name).collect())];

const COST: &[Row] = &[
    flag("target", "T", "Which target", |g, v| {
        g.target = Some(Target::by_name(text(v)?)?);
        Ok(())
    })
    .default("host"),
    flag("plugin", "FILE", "QEMU's counting plug-in [default: as for bench]", |g, v| {
        g.plugin = Some(v.into());
        Ok(())
    }),
    switch("json", "As JSON: the two files' names and texts", |g, _| {
        g.json = true;
        Ok(())
    }),
];

const DOCUMENT: &[Row] = &[
    operand("WHICH", "Which one", |g, v| {
        g.document = word("document", v, docs::DOCUMENTS.iter().map(|d| (d.name, d.name)))?;
        Ok(())
    })
    .choices(|| docs::DOCUMENTS.iter().map(|d| d.name).collect()),
    switch("json", "As a JSON string", |g, _| {
        g.json = true;
        Ok(())
    }),
];
