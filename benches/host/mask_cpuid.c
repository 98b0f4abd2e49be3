/* Hides AVX-512 and AVX-VNNI from libraries that ask `cpuid`, so that a peer can be timed with the kernels it picks on an AVX2 CPU.
 *
 * `mask_cpuid(addresses, count)` overwrites the `cpuid` instructions at these addresses (0f a2, found by a disassembler) with
 * `int3; nop`, and answers the trap with the CPU's own registers less the bits below. Returns the number of instructions replaced, or
 * -1 - i when number i is not `cpuid`. x86-64 Linux; a tool of the benches, never part of the compiler.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static uintptr_t *patched;
static long patched_count;
static volatile long answered;

static void hide(unsigned leaf, unsigned sub, unsigned r[4]) {
    if (leaf == 7 && sub == 0) {
        r[1] &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31); /* AVX512 F DQ IFMA PF ER CD BW VL */
        r[2] &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);                                     /* VBMI VBMI2 VNNI BITALG VPOPCNTDQ */
        r[3] &= ~(1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25); /* 4VNNIW 4FMAPS VP2INTERSECT AMX FP16 */
    } else if (leaf == 7 && sub == 1) {
        r[0] &= ~(1u << 4 | 1u << 5 | 1u << 21 | 1u << 23); /* AVX-VNNI, AVX512_BF16, AMX_FP16, AVX_IFMA */
        r[3] &= ~(1u << 4 | 1u << 5 | 1u << 10 | 1u << 19); /* AVX-VNNI-INT8, AVX-NE-CONVERT, AVX-VNNI-INT16, AVX10 */
    }
}

static void trap(int sig, siginfo_t *info, void *context) {
    (void)info;
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t at = (uintptr_t)g[REG_RIP] - 1;
    long i = 0;
    while (i < patched_count && patched[i] != at) i++;
    if (i == patched_count) {
        signal(sig, SIG_DFL);
        return;
    }
    unsigned leaf = (unsigned)g[REG_RAX], sub = (unsigned)g[REG_RCX], r[4];
    __cpuid_count(leaf, sub, r[0], r[1], r[2], r[3]);
    hide(leaf, sub, r);
    g[REG_RAX] = r[0];
    g[REG_RBX] = r[1];
    g[REG_RCX] = r[2];
    g[REG_RDX] = r[3];
    answered++;
}

/* How many questions were answered so far. */
long mask_answered(void) { return answered; }

long mask_cpuid(const uintptr_t *addresses, long count) {
    patched = malloc(sizeof *patched * (size_t)count);
    if (!patched) return 0;
    struct sigaction act = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &act, 0);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (long i = 0; i < count; i++) {
        unsigned char *p = (unsigned char *)addresses[i];
        if (p[0] != 0x0f || p[1] != 0xa2) return -1 - i;
        patched[patched_count++] = addresses[i];
        uintptr_t first = addresses[i] & ~(page - 1), last = (addresses[i] + 1) & ~(page - 1);
        if (mprotect((void *)first, last - first + page, PROT_READ | PROT_WRITE | PROT_EXEC)) return 0;
        p[0] = 0xcc;
        p[1] = 0x90;
        mprotect((void *)first, last - first + page, PROT_READ | PROT_EXEC);
    }
    return patched_count;
}
