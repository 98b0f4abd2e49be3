// A pointer chosen by a scalar that nothing is known about.
//! verify
//! run f ramp:16 zero:4 int:0
//! run f ramp:16 zero:4 int:1
func @f(%0 "x": ptr in align 4 bytes 16, %1 "y": ptr out align 4 bytes 4, %2 "n": i32 scalar) {
  %3: ptr = ptr_add %0 + 14
  %4: ptr = select %2, %3, %0
  %5: i32 = load w32 %4
  store w32 %5, %1
}
// ---
// verify:
// 1 proven, 1 not
// f: %5: load: 4 bytes at 14..=14 of `x`, which has 16
// run f ramp:16 zero:4 int:0:
// buffer 0: 000102030405060708090a0b0c0d0e0f
// buffer 1: 00010203
// run f ramp:16 zero:4 int:1:
// error[E301] at `f`: %5: read of 4 bytes at 14 of 16 bytes
