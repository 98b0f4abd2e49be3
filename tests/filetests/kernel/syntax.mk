// An unknown operation, with its place.
//! verify
func @f() {
  %0: i32 = const 1
  %1: i32 = plus %0, %0
}
// ---
// error[E302]: line 5, column 18: there is no operation `plus`
