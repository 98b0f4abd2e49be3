// A loop that runs one round too far is refused, by the verifier and by the interpreter.
//! verify
//! run f ramp:16 zero:16
func @f(%0 "x": ptr in align 4 bytes 16, %1 "y": ptr out align 4 bytes 16) {
  for %2 = 0 to 20 step 4 {
    %3: ptr = ptr_add %0, %2 * 1
    %4: i32 = load w32 %3 align 4
    %5: ptr = ptr_add %1, %2 * 1
    store w32 %4, %5 align 4
  }
}
// ---
// verify:
// error[E301] at `f`: %4: load: 4 bytes at 0..=16 of `x`, which has 16
// run f ramp:16 zero:16:
// error[E301] at `f`: %4: read of 4 bytes at 16 of 16 bytes
