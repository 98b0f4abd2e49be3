//! Where things lie.

use std::path::{Path, PathBuf};

/// The workspace root.
pub fn root() -> PathBuf {
    // This crate is a direct child of the root.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
