//! The part of QEMU's plug-in API, version 1, that this plug-in calls. Signatures follow
//! `qemu-plugin.h` of QEMU 7.2; the symbols are resolved against the QEMU process at load time.

use std::ffi::{c_char, c_int, c_void};

/// Opaque handle of the loaded plug-in.
pub type PluginId = u64;

/// Opaque translation block, valid during the translation callback.
#[repr(C)]
pub struct Block {
    _private: [u8; 0],
}

/// Opaque instruction of a translation block.
#[repr(C)]
pub struct Insn {
    _private: [u8; 0],
}

/// The callback reads and writes no guest register.
pub const CB_NO_REGS: c_int = 0;

unsafe extern "C" {
    pub fn qemu_plugin_register_vcpu_tb_trans_cb(id: PluginId, callback: extern "C" fn(PluginId, *mut Block));
    pub fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut Block,
        callback: extern "C" fn(u32, *mut c_void),
        flags: c_int,
        data: *mut c_void,
    );
    pub fn qemu_plugin_register_atexit_cb(id: PluginId, callback: extern "C" fn(PluginId, *mut c_void), data: *mut c_void);
    pub fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    pub fn qemu_plugin_tb_vaddr(block: *const Block) -> u64;
    pub fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut Insn;
    pub fn qemu_plugin_insn_vaddr(insn: *const Insn) -> u64;
    pub fn qemu_plugin_outs(text: *const c_char);
}
