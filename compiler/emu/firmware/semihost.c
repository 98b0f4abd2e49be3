/* emu.h on bare metal, through semihosting: input.bin and output.bin in the folder QEMU was
 * started in. Operation numbers: "Semihosting for AArch32 and AArch64" (Arm), chapter 4; RISC-V
 * uses the same with its own trap sequence ("RISC-V Semihosting" 1.0). */
#include "emu.h"

enum { OPEN = 0x01, WRITE0 = 0x04, WRITE = 0x05, READ = 0x06, FLEN = 0x0c, EXIT_EXTENDED = 0x20 };
enum { MODE_RB = 1, MODE_WB = 5 };
enum { STOPPED_APPLICATION_EXIT = 0x20026 };

static intptr_t call(intptr_t operation, const void *argument)
{
#if defined(__arm__)
    register intptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory", "cc");
    return r0;
#elif defined(__riscv)
    register intptr_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    /* The three instructions must be uncompressed and lie in one page; padding may be compressed. */
    __asm__ volatile(".balign 16\n.option push\n.option norvc\n"
                     "slli zero, zero, 0x1f\nebreak\nsrai zero, zero, 7\n.option pop"
                     : "+r"(a0) : "r"(a1) : "memory");
    return a0;
#else
#error "no semihosting call for this machine"
#endif
}

static intptr_t input, output;
static size_t left;

void emu_puts(const char *text) { call(WRITE0, text); }

void emu_exit(int status)
{
    intptr_t block[2] = { STOPPED_APPLICATION_EXIT, status };
    for (;;)
        call(EXIT_EXTENDED, block);
}

static void fault(const char *text)
{
    emu_puts(text);
    emu_exit(98);
}

static intptr_t open_file(const char *name, size_t length, intptr_t mode)
{
    intptr_t block[3] = { (intptr_t)name, mode, (intptr_t)length };
    intptr_t handle = call(OPEN, block);
    if (handle < 0)
        fault("input.bin or output.bin not opened\n");
    return handle;
}

size_t emu_left(void) { return left; }

void emu_read(void *dst, size_t n)
{
    intptr_t block[3] = { input, (intptr_t)dst, (intptr_t)n };
    /* READ returns how many bytes are still missing. */
    if (n > left || (n != 0 && call(READ, block) != 0))
        fault("input too short\n");
    left -= n;
}

void emu_write(const void *src, size_t n)
{
    intptr_t block[3] = { output, (intptr_t)src, (intptr_t)n };
    if (n != 0 && call(WRITE, block) != 0)
        fault("output not written\n");
}

/* Entered by the start-up code once memory is set up. */
_Noreturn void emu_start(void)
{
    input = open_file("input.bin", 9, MODE_RB);
    output = open_file("output.bin", 10, MODE_WB);
    left = (size_t)call(FLEN, &input);
    emu_exit(emu_main());
}

_Noreturn void emu_trap(void)
{
    emu_puts("processor fault\n");
    emu_exit(99);
}
