#include "emu.h"

/* In a file of their own and noinline, so that each is reached by a call: the counter recognises
 * them by the address a translation block starts at. */
__attribute__((noinline, used)) void emu_begin(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline, used)) void emu_end(void) { __asm__ volatile("" ::: "memory"); }
