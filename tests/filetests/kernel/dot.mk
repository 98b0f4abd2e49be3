// Four output channels of a fully connected layer with eight inputs.
//! verify
//! run dense ramp:8 ramp:32 zero:4
//! run dense ramp:8 ramp:31 zero:4
row sdot dot a i8 w i8 mem i8 k 4 n 4 m 1 tile 4 8 fc 8 unroll 1 llvm "tree" cranelift "tree" mnemonic "sdot"
data weights @m align 4 = { "000000400000002000000010ffffff7f" }
func @dense(%0 "x": ptr in align 1 bytes 8, %1 "w": ptr const align 4 bytes 32, %2 "y": ptr out align 4 bytes 4) {
  %3: i32x4 = const -1000
  %10: i32x4, %11: ptr = for %4 = 0 to 8 step 4 carry (%5: i32x4 = %3, %6: ptr = %1) {
    %7: ptr = ptr_add %0, %4 * 1
    %8: i8x16 = load_bcast 4 %7
    %9: i8x16 = load s8 %6 align 4
    %12: i32x4 = contract.sdot %5, %8, %9
    %13: ptr = ptr_add %6 + 16
    yield %12, %13
  }
  %14: ptr = data @m
  %15: i32x4 = load w32 %14 align 4
  %16: i32x4 = rescale pre 0 shift 3 zp -7 lo -128 hi 127 %10, %15
  store s8 %16, %2 align 4
}
// ---
// verify:
// 4 proven, 0 not
// run dense ramp:8 ramp:32 zero:4:
// buffer 0: 0001020304050607
// buffer 1: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
// buffer 2: e6f1f6e9
// run dense ramp:8 ramp:31 zero:4:
// error[E301] at `dense`: `w`: read of 32 bytes at 0 of 31 bytes
