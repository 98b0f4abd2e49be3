/* Operation numbers: "Semihosting for AArch32 and AArch64" (Arm); RISC-V uses the same with its own trap sequence. */
#include "semihost.h"

enum { OPEN = 0x01, WRITE0 = 0x04, READ = 0x06, EXIT_EXTENDED = 0x20 };
enum { APPLICATION_EXIT = 0x20026 };

static long call(long operation, const void *argument)
{
#if defined(__arm__)
    register long r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory", "cc");
    return r0;
#else
    register long a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    /* Three uncompressed instructions in one page. */
    __asm__ volatile(".balign 16\n.option push\n.option norvc\n"
                     "slli zero, zero, 0x1f\nebreak\nsrai zero, zero, 7\n.option pop"
                     : "+r"(a0) : "r"(a1) : "memory");
    return a0;
#endif
}

long sh_open(const char *name)
{
    long length = 0;
    while (name[length]) length++;
    long block[3] = { (long)name, 1 /* rb */, length };
    return call(OPEN, block);
}

int sh_read(long file, void *to, unsigned long n)
{
    long block[3] = { file, (long)to, (long)n };
    return call(READ, block) == 0; /* bytes that are missing */
}

void sh_print(const char *text) { call(WRITE0, text); }

void sh_number(int n)
{
    char text[12], *p = text + sizeof text;
    unsigned rest = n < 0 ? 0u - (unsigned)n : (unsigned)n;
    *--p = 0;
    do *--p = (char)('0' + rest % 10); while (rest /= 10);
    if (n < 0) *--p = '-';
    sh_print(p);
}

_Noreturn void sh_exit(int status)
{
    long block[2] = { APPLICATION_EXIT, status };
    for (;;) call(EXIT_EXTENDED, block);
}
