// Rows outside of the image are read from a row of zero points: proven by the comparison that chooses.
//! verify
//! run sum ramp:12 hex:00000000 zero:24
func @sum(%0 "x": ptr in align 4 bytes 12, %1 "zero": ptr const align 4 bytes 4, %2 "y": ptr out align 4 bytes 24) {
  %3: i32 = const 3
  %4: i32 = const 0
  for %5 = -1 to 2 step 1 {
    %6: i32 = for %7 = 0 to 3 step 1 carry (%8: i32 = %4) {
      %9: i32 = add %5, %7
      %10: i32 = cmp.ult %9, %3
      %11: ptr = ptr_add %0, %9 * 4
      %12: ptr = select %10, %11, %1
      %13: i32 = load w32 %12 align 4
      %14: i32 = add %8, %13
      yield %14
    }
    %15: ptr = ptr_add %2, %5 * 8 + 8
    store w32 %6, %15
  }
}
// ---
// verify:
// 2 proven, 0 not
// run sum ramp:12 hex:00000000 zero:24:
// buffer 0: 000102030405060708090a0b
// buffer 1: 00000000
// buffer 2: 0406080a000000000c0f1215000000000c0e101200000000
