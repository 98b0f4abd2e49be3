//! Start-up: stack, zeroed memory, the vector and floating-point unit, then `main`.

use crate::{main, semihost};
use core::arch::global_asm;
use core::panic::PanicInfo;

#[cfg(target_arch = "arm")]
global_asm!(
    ".section .vectors, \"a\"",
    ".word stack_top",
    ".word reset",
    ".rept 14",
    ".word fault",
    ".endr",
    ".text"
);

#[cfg(target_arch = "riscv32")]
global_asm!(
    ".section .text.start, \"ax\"",
    ".globl _start",
    "_start:",
    "la sp, stack_top",
    "la t0, fault_vector",
    ".option push",
    ".option arch, +zicsr",
    "csrw mtvec, t0",
    ".option pop",
    "call reset",
    ".balign 4",
    "fault_vector:",
    "call fault",
    ".text"
);

unsafe extern "C" {
    static mut bss_start: u32;
    static mut bss_end: u32;
}

/// Where execution begins on Cortex-M, after the few instructions above on RISC-V.
#[unsafe(no_mangle)]
extern "C" fn reset() -> ! {
    // SAFETY: the linker script puts the zeroed variables between the two symbols, and nothing has used them yet. The register is the
    // CPACR: full access to CP10 and CP11, without which a core with the unit faults at its first instruction.
    unsafe {
        #[cfg(target_arch = "arm")]
        {
            let cpacr = 0xE000_ED88 as *mut u32;
            cpacr.write_volatile(cpacr.read_volatile() | 0xF << 20);
            core::arch::asm!("dsb", "isb");
        }
        let (mut word, end) = (&raw mut bss_start, &raw mut bss_end);
        while word < end {
            word.write_volatile(0);
            word = word.add(1);
        }
    }
    semihost::exit(main())
}

#[unsafe(no_mangle)]
extern "C" fn fault() -> ! {
    semihost::exit(99)
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    semihost::exit(98)
}
