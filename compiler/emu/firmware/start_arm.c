/* Start-up for Cortex-M: vector table, coprocessor access, zeroed memory. QEMU's loader puts
 * .data where it runs, so nothing is copied. */
#include <stdint.h>

extern uint32_t emu_stack_top[], emu_bss_start[], emu_bss_end[];
_Noreturn void emu_start(void);
_Noreturn void emu_trap(void);

_Noreturn void emu_reset(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    /* CPACR: full access to CP10 and CP11, else the first FP or MVE instruction faults. */
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
    for (volatile uint32_t *word = emu_bss_start; word < emu_bss_end; word++)
        *word = 0;
    emu_start();
}

/* Initial stack pointer, reset, then NMI to SysTick. */
__attribute__((section(".vectors"), used)) void *const emu_vectors[16] = {
    emu_stack_top, (void *)emu_reset, (void *)emu_trap, (void *)emu_trap,
    (void *)emu_trap, (void *)emu_trap, (void *)emu_trap, (void *)emu_trap,
    0, 0, 0, (void *)emu_trap, (void *)emu_trap, 0, (void *)emu_trap, (void *)emu_trap,
};
