//! QEMU TCG plug-in (plug-in API version 1, as in QEMU 4.2 to 8.x; both qemu-user and
//! qemu-system) that counts executed guest instructions, exactly and repeatably.
//!
//! Arguments, given after the file name as `-plugin libmcompc_qemu_count.so,key=value,...`
//! together with `-d plugin`:
//!
//! | key | meaning |
//! |---|---|
//! | `begin`, `end` | guest addresses of two functions: count from the return of `begin` up to the entry of `end`; each such stretch is a window |
//! | `lo`, `hi` | count only instructions whose address is in `lo..hi`; alone or inside windows |
//! | `split` | addresses of functions, `:` between them: each entry into one, inside a window, begins the window's next segment |
//! | `out` | file for the result; without it the result goes to QEMU's log |
//!
//! Numbers are decimal or `0x` hexadecimal. Arm addresses are without the Thumb bit.
//! The result is one line `windows=W insns=N`, with `split` followed by `segments=A,B,...`: the counts before the first entry, from
//! there to the second and so on, each summed over the windows. An instruction counts 1 whatever it does:
//! a vector instruction of any length, and each iteration of a loop.
//!
//! Counting is by translation block: QEMU ends a block at every branch, so a function entered
//! by a call always starts one, and a block counts when it is entered.

mod api;
mod count;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

use count::{Block, Counter, Options};

/// The one counter of the process; set by [`qemu_plugin_install`] before any callback runs.
static COUNTER: OnceLock<Counter> = OnceLock::new();

/// Plug-in API version this library speaks; QEMU reads it before it calls anything.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = 1;

/// Entry point QEMU calls once. Returns 0, or 1 for arguments that cannot be understood (QEMU
/// then refuses to start).
///
/// # Safety
/// `argv` must point to `argc` NUL-terminated strings, as QEMU guarantees.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(id: api::PluginId, _info: *const c_void, argc: c_int, argv: *const *const c_char) -> c_int {
    let count = usize::try_from(argc).unwrap_or(0);
    let args = (0..count).map(|i| {
        // SAFETY: `i < argc`, and QEMU passes `argc` valid strings.
        unsafe { CStr::from_ptr(*argv.add(i)) }.to_string_lossy().into_owned()
    });
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("mcompc-qemu-count: {message}");
            return 1;
        }
    };
    if COUNTER.set(Counter::new(options)).is_err() {
        eprintln!("mcompc-qemu-count: loaded twice");
        return 1;
    }
    // SAFETY: both callbacks have the signature API version 1 asks for and are valid for the
    // life of the process.
    unsafe {
        api::qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
        api::qemu_plugin_register_atexit_cb(id, on_exit, std::ptr::null_mut());
    }
    0
}

/// Called once for each translated block: attaches a record of the block to its execution.
extern "C" fn on_translate(_id: api::PluginId, block: *mut api::Block) {
    let Some(counter) = COUNTER.get() else { return };
    // SAFETY: QEMU hands out a block that is valid during this call, and indices below
    // `qemu_plugin_tb_n_insns` name its instructions.
    let (start, counted) = unsafe {
        let n = api::qemu_plugin_tb_n_insns(block);
        let counted = (0..n)
            .filter(|&i| {
                let insn = api::qemu_plugin_tb_get_insn(block, i);
                counter.options().in_range(api::qemu_plugin_insn_vaddr(insn))
            })
            .count();
        (api::qemu_plugin_tb_vaddr(block), counted)
    };
    let Some(record) = counter.block(start, counted as u64) else { return };
    // SAFETY: the record is leaked, hence valid for as long as QEMU may run the block.
    unsafe {
        api::qemu_plugin_register_vcpu_tb_exec_cb(block, on_execute, api::CB_NO_REGS, std::ptr::from_ref(record).cast_mut().cast());
    }
}

/// Called each time a block is entered.
extern "C" fn on_execute(_cpu: u32, data: *mut c_void) {
    let Some(counter) = COUNTER.get() else { return };
    // SAFETY: `data` is the leaked record registered with this callback.
    let block = unsafe { &*data.cast_const().cast::<Block>() };
    counter.enter(block);
}

/// Called when the guest ends: writes the result.
extern "C" fn on_exit(_id: api::PluginId, _data: *mut c_void) {
    let Some(counter) = COUNTER.get() else { return };
    let line = counter.result();
    match &counter.options().out {
        Some(path) => {
            if let Err(error) = std::fs::write(path, &line) {
                eprintln!("mcompc-qemu-count: {path}: {error}");
            }
        }
        None => {
            let mut bytes = line.into_bytes();
            bytes.push(0);
            // SAFETY: the string ends with NUL.
            unsafe { api::qemu_plugin_outs(bytes.as_ptr().cast()) };
        }
    }
}
