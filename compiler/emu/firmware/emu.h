/* What a test program sees of the machine it runs on: one input file, one output file, two
 * markers. The same program text builds for qemu-user and the host (stdio) and for bare metal
 * (semihosting). The program defines emu_main; everything else is defined by the harness. */
#ifndef EMU_H
#define EMU_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The test itself. Its value is the exit status: 0 is success, keep below 90. */
int emu_main(void);

/* Reads the next n bytes of the input; fewer is a fault (the program ends with status 98). */
void emu_read(void *dst, size_t n);

/* Bytes of the input not read yet. */
size_t emu_left(void);

/* Appends n bytes to the output. */
void emu_write(const void *src, size_t n);

/* Text for the test's log. */
void emu_puts(const char *text);

/* Ends the program with a status. */
#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
void emu_exit(int status);

/* Instructions are counted between the return of emu_begin and the entry of emu_end. */
void emu_begin(void);
void emu_end(void);

/* Stack use of what runs between the two calls, in bytes, at least 64 (less cannot be told apart).
 * Both must be called from one function. */
void emu_stack_paint(void);
uint32_t emu_stack_used(void);

#ifdef __cplusplus
}
#endif
#endif
