// Lanes widened, interleaved, saturated, summed; every step is stored.
//! print
//! verify
//! run f hex:007f80ff10203040 zero:72
func @f(%0 "x": ptr in align 8 bytes 8, %1 "y": ptr out align 8 bytes 72) {
  %2: i8x8 = load s8 %0 align 8
  %3: i16x8 = widen_all.s %2
  %4: i16x8 = widen_all.u %2
  %5: i16x4 = widen.u.high %2
  %6: i16x8 = shuffle [0, 8, 1, 9, 2, 10, 3, 11] %3, %4
  store s16 %6, %1
  %7: i16x8 = mul %3, %4
  store s16 %7, %1 + 16
  %8: i8x16 = narrow_sat %7, %4
  store s8 %8, %1 + 32
  %13: i32x4 = load u16 %0
  %9: i16x4 = trunc %13
  store s16 %9, %1 + 48
  %10: i32 = reduce_add %3
  store w32 %10, %1 + 56
  %11: i32 = extract 2 %2
  %12: i16x8 = insert 7 %3, %11
  store s8 %12, %1 + 60
  store s16 %11, %1 + 70
}
// ---
// print:
// func @f(%0 "x": ptr in align 8 bytes 8, %1 "y": ptr out align 8 bytes 72) {
//   %2: i8x8 = load s8 %0 align 8
//   %3: i16x8 = widen_all.s %2
//   %4: i16x8 = widen_all.u %2
//   %5: i16x4 = widen.u.high %2
//   %6: i16x8 = shuffle [0, 8, 1, 9, 2, 10, 3, 11] %3, %4
//   store s16 %6, %1
//   %7: i16x8 = mul %3, %4
//   store s16 %7, %1 + 16
//   %8: i8x16 = narrow_sat %7, %4
//   store s8 %8, %1 + 32
//   %13: i32x4 = load u16 %0
//   %9: i16x4 = trunc %13
//   store s16 %9, %1 + 48
//   %10: i32 = reduce_add %3
//   store w32 %10, %1 + 56
//   %11: i32 = extract 2 %2
//   %12: i16x8 = insert 7 %3, %11
//   store s8 %12, %1 + 60
//   store s16 %11, %1 + 70
// }
// verify:
// 9 proven, 0 not
// run f hex:007f80ff10203040 zero:72:
// buffer 0: 007f80ff10203040
// buffer 1: 000000007f007f0080ff8000ffffff000000013f00c001ff0001000400090010007f80807f7f7f7f007f7f7f10203040007f80ff102030409e000000007f80ff10203080000080ff
