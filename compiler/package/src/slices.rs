//! The entry that runs one step a call, for callers that have a watchdog to feed or other work to do in between.

use crate::Names;

/// Prototype and constant of the header; `params` are those of the plain entry.
pub(crate) fn c(n: &Names, slices: usize, params: &[String]) -> String {
    let (pre, up) = (&n.prefix, &n.upper);
    format!(
        "\n/* The same inference in {up}_SLICES steps, for watchdogs and schedulers: {pre}_run_slice for slice 0, 1 and so on up to\n\
         \x20* {up}_SLICES - 1, always with the same other arguments, computes what {pre}_run computes; a slice is one layer. Between\n\
         \x20* two slices inputs, outputs and arena must stay as they are. Returns 0, or -1 where there is no such slice. */\n\
         #define {up}_SLICES {slices}\nint32_t {pre}_run_slice(int32_t slice, {});\n",
        params.join(", ")
    )
}

/// Constant and function of the crate: safe parameters, raw arguments.
pub(crate) fn rust(n: &Names, slices: usize, safe: &[String], args: &[String]) -> String {
    let pre = &n.prefix;
    format!(
        "\n/// Steps of [`run_slice`].\npub const SLICES: i32 = {slices};\n\n\
         /// One step of an inference, for watchdogs and schedulers: slice 0, 1 and so on up to `SLICES - 1`, always with the same other\n\
         /// arguments, compute what [`run`] computes; a slice is one layer. Outputs mean something after the last. Whatever the order\n\
         /// and the contents of the arena, only outputs and arena are written.\n///\n/// # Errors\n/// -1 where there is no such slice.\n\
         pub fn run_slice(slice: i32, {}) -> Result<(), Error> {{\n    \
         // SAFETY: as in `run`; codes and sums that other contents of the arena lead to are values, never addresses.\n    \
         Error::check(unsafe {{ sys::{pre}_run_slice(slice, {}) }})\n}}\n",
        safe.join(", "),
        args.join(", ")
    )
}
