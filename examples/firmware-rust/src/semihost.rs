//! Files and text of the computer that QEMU (or a debugger) runs on, by semihosting.
//!
//! Operation numbers: "Semihosting for AArch32 and AArch64" (Arm); RISC-V uses the same with its own trap sequence.

use core::arch::asm;

const OPEN: usize = 0x01;
const WRITE: usize = 0x05;
const READ: usize = 0x06;
const EXIT_EXTENDED: usize = 0x20;
const APPLICATION_EXIT: usize = 0x20026;

/// One operation; `block` holds its arguments.
fn call(operation: usize, block: &[usize]) -> isize {
    let result: isize;
    // SAFETY: the host reads the block and what its pointers name, all of which live during the call.
    unsafe {
        #[cfg(target_arch = "arm")]
        asm!("bkpt 0xab", inout("r0") operation => result, in("r1") block.as_ptr());
        // Three uncompressed instructions in one page.
        #[cfg(target_arch = "riscv32")]
        asm!(
            ".balign 16", ".option push", ".option norvc", "slli zero, zero, 0x1f", "ebreak", "srai zero, zero, 7", ".option pop",
            inout("a0") operation => result, in("a1") block.as_ptr()
        );
    }
    result
}

/// Opens a file for reading.
pub fn open(name: &str) -> Option<usize> {
    // The host reads a byte behind the name, which must be zero.
    let mut text = [0; 32];
    text.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    usize::try_from(call(OPEN, &[text.as_ptr() as usize, 1, name.len()])).ok()
}

/// Fills `to`; false at the end of the file.
pub fn read(file: usize, to: &mut [u8]) -> bool {
    call(READ, &[file, to.as_mut_ptr() as usize, to.len()]) == 0
}

/// Ends the program.
pub fn exit(status: i32) -> ! {
    loop {
        call(EXIT_EXTENDED, &[APPLICATION_EXIT, status as usize]);
    }
}

/// The host's console.
#[derive(Clone, Copy)]
pub struct Text;

impl Text {
    /// Prints text.
    pub fn str(self, text: &str) -> Self {
        // The console is the file `:tt` opened for writing; QEMU gives the same handle every time.
        let name = b":tt\0";
        if let Ok(console) = usize::try_from(call(OPEN, &[name.as_ptr() as usize, 4, 3])) {
            call(WRITE, &[console, text.as_ptr() as usize, text.len()]);
        }
        self
    }

    /// Prints a number.
    pub fn number(self, n: u32) -> Self {
        let (mut digits, mut at, mut rest) = ([0; 10], 10, n);
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        core::str::from_utf8(&digits[at..]).map_or(self, |text| self.str(text))
    }
}
