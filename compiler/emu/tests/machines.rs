//! Every machine: data in and out, exact counts, faults reported. A machine whose tools are not
//! installed fails here: scripts/setup.sh installs all of them.

#![allow(clippy::panic, clippy::unwrap_used)]

use mcompc_emu::{Argument, Calling, Error, Program, call_main, machines, runnable};

/// A loop of `n` iterations that no compiler changes, so the count grows by the same amount for
/// each.
fn loop_main() -> String {
    let call = call_main("work", Calling::Separate, &[Argument::Input(4), Argument::Output(4)]);
    format!(
        "{call}
        __attribute__((noinline)) void work(void *in, void *out) {{
            uint32_t n = *(uint32_t *)in, sum = 0;
            for (uint32_t i = 1; i <= n; i++) {{ sum += i; __asm__ volatile(\"\" : \"+r\"(sum)); }}
            *(uint32_t *)out = sum;
        }}"
    )
}

/// The machine this CPU may be unable to run; it has a test of its own.
const OWN_TEST: &str = "x86_64-v4";

/// All others; each must run here.
fn everywhere() -> Vec<String> {
    let all = machines();
    assert!(all.len() > 15, "{all:?}");
    all.into_iter().filter(|machine| machine != OWN_TEST && runnable(machine).unwrap()).collect()
}

fn runs_twice(machine: &str) {
    let program = Program::new(machine, loop_main()).build().unwrap();
    // Two calls in one run, then another run of the same program.
    let input = [10_u32, 1000].map(u32::to_le_bytes).concat();
    let run = program.run(&input).unwrap_or_else(|e| panic!("{machine}: {e}"));
    assert_eq!(run.output, [55_u32, 500_500].map(u32::to_le_bytes).concat(), "{machine}");
    assert_eq!(run.instructions, None);
    assert_eq!(program.run(&0_u32.to_le_bytes()).unwrap().output, [0; 4], "{machine}");
}

#[test]
fn every_machine_runs_and_gives_back_its_output() {
    everywhere().iter().for_each(|machine| runs_twice(machine));
}

#[test]
fn avx512_runs_where_the_cpu_has_it() {
    if runnable(OWN_TEST).unwrap() {
        runs_twice(OWN_TEST);
    }
}

#[test]
fn counts_are_exact_and_repeatable() {
    for machine in everywhere() {
        let program = Program::new(&machine, loop_main()).build().unwrap();
        let count = |n: u32| {
            let run = program.run_counted(&n.to_le_bytes());
            run.unwrap_or_else(|e| panic!("{machine}: {e}")).instructions.unwrap()
        };
        let [small, double, again] = [1000, 2000, 1000].map(count);
        assert_eq!(small, again, "{machine}");
        let body = double - small;
        assert_eq!(body % 1000, 0, "{machine}: a loop body of {body} / 1000 instructions");
        // What lies around the loop: the call, its arguments, the tail of the marker.
        let around = small - body;
        assert!((1..=60).contains(&around), "{machine}: {around} instructions around the loop");
        println!("{machine}: {} a turn, {around} around", body / 1000);
    }
}

#[test]
fn mistakes_of_the_code_under_test_are_reported() {
    let overrun =
        format!("{}\nvoid f(void *out) {{ ((volatile char *)out)[8] = 1; }}", call_main("f", Calling::Separate, &[Argument::Output(8)]));
    let trap = "#include \"emu.h\"\nint emu_main(void) { __asm__ volatile(TRAP); return 0; }";
    let short = call_main("f", Calling::Separate, &[Argument::Input(8)]) + "void f(void *p) {}";
    for machine in ["x86_64", "aarch64", "riscv64gcv", "cortex-m4", "cortex-m55", "riscv32imac"] {
        let status = |main: &str, flag: &str, input: &[u8]| {
            let program = Program::new(machine, main).flag(flag).build().unwrap();
            match program.run(input).unwrap_err() {
                Error::Guest { status, .. } => status,
                error => panic!("{machine}: {error}"),
            }
        };
        assert_eq!(status(&overrun, "-O1", &[]), Some(95), "{machine}");
        assert_eq!(status(&short, "-O1", &[0; 7]), Some(98), "{machine}");
        let instruction = match machine {
            "x86_64" => "ud2",
            "aarch64" => "udf #0",
            "riscv64gcv" | "riscv32imac" => "unimp",
            _ => "udf",
        };
        let ended = status(trap, &format!("-DTRAP=\"{instruction}\""), &[]);
        let bare = machine.starts_with("cortex") || machine.starts_with("riscv32");
        assert_eq!(ended, bare.then_some(99), "{machine}");
    }
}

#[test]
fn vector_units_are_on_and_absent_ones_are_absent() {
    let main = "#include \"emu.h\"\nint emu_main(void) { __asm__ volatile(CODE); return 0; }";
    let runs = |machine: &str, code: &str, flags: &[&str]| {
        let mut program = Program::new(machine, main).flag(format!("-DCODE=\"{code}\""));
        for flag in flags {
            program = program.flag(*flag);
        }
        program.build().unwrap().run(&[]).is_ok()
    };
    let sdot = ".arch armv8.6-a+i8mm\\nsdot v0.4s, v1.16b, v2.4b[1]";
    let smmla = ".arch armv8.6-a+i8mm\\nsmmla v0.4s, v1.16b, v2.16b";
    assert!(!runs("aarch64", sdot, &[]));
    assert!(runs("aarch64-dotprod", sdot, &[]));
    assert!(!runs("aarch64-dotprod", smmla, &[]));
    assert!(runs("aarch64-i8mm", smmla, &[]));
    let vector = ".option arch, +v\\nvsetvli t0, zero, e8, m1, ta, ma\\nvwmacc.vx v8, t0, v10";
    assert!(!runs("riscv64gc", vector, &["-fno-tree-vectorize"]));
    assert!(runs("riscv64gcv", vector, &["-fno-tree-vectorize"]));
    assert!(runs("cortex-m55", "vmladava.s8 r0, q0, q1", &[]));
    assert!(runs("cortex-m4", "smlad r0, r1, r2, r3", &[]));
    assert!(runs("cortex-m33", "smlad r0, r1, r2, r3", &[]));
    assert!(!runs("cortex-m3", ".cpu cortex-m4\\nsmlabb r0, r1, r2, r3", &[]));
}

#[test]
fn stack_use_is_measured_on_bare_metal() {
    let main = r#"
        #include "emu.h"
        __attribute__((noinline)) static void deep(unsigned char x) {
            volatile unsigned char frame[1000];
            for (int i = 0; i < 1000; i++) frame[i] = x;
        }
        int emu_main(void) {
            emu_stack_paint(); deep(1);
            uint32_t used = emu_stack_used();
            emu_write(&used, 4);
            return 0;
        }"#;
    for machine in ["cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "riscv32imc"] {
        let run = Program::new(machine, main).build().unwrap().run(&[]).unwrap();
        let used = u32::from_le_bytes(run.output.try_into().unwrap());
        assert!((1000..1200).contains(&used), "{machine}: {used}");
    }
}

#[test]
fn a_program_that_does_not_build_says_why() {
    let error = Program::new("cortex-m4", "int emu_main(void) { return nothing; }").build();
    assert!(matches!(error, Err(Error::Build(log)) if log.contains("nothing")));
    let missing_symbol = call_main("absent", Calling::Array, &[Argument::Scratch(4)]);
    let error = Program::new("aarch64", missing_symbol).build();
    assert!(matches!(error, Err(Error::Build(log)) if log.contains("absent")));
    assert!(matches!(Program::new("z80", "").build(), Err(Error::UnknownMachine(_))));
}
