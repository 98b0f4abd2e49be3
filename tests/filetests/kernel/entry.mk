// The entry function hands out pieces of the arena; a piece in place of another may be written only where that is declared harmless.
//! verify
//! run net_run ramp:4 zero:4 zero:16
//! run net_run ramp:4 zero:4 zero:12
func @double(%0 "x": ptr in align 4 bytes 4, %1 "y": ptr out align 4 bytes 4) {
  %2: i8x4 = load s8 %0 align 4
  %3: i8x4 = add %2, %2
  store s8 %3, %1 align 4
}
func export @net_run(%0 "x": ptr in align 4 bytes 4, %1 "y": ptr out align 4 bytes 4, %2 "arena": ptr scratch align 16 bytes 16) {
  %3: ptr = ptr_add %2 + 8
  call @double(%0, %3)
  call @double(%3, %3)
  call @double(%3, %1)
}
// ---
// verify:
// 8 proven, 0 not
// run net_run ramp:4 zero:4 zero:16:
// buffer 0: 00010203
// buffer 1: 00081018
// buffer 2: 00000000000000000004080c00000000
// run net_run ramp:4 zero:4 zero:12:
// error[E301] at `net_run`: `arena`: write of 16 bytes at 0 of 12 bytes
