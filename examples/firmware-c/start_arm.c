/* Cortex-M: vector table, floating-point and vector unit on, memory zeroed, main. */
#include <stdint.h>
#include "semihost.h"

extern uint32_t stack_top[], bss_start[], bss_end[];
int main(void);

_Noreturn void reset(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: access to CP10 and CP11 */
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
    for (volatile uint32_t *word = bss_start; word < bss_end; word++) *word = 0;
    sh_exit(main());
}

_Noreturn static void fault(void)
{
    sh_print("processor fault\n");
    sh_exit(99);
}

__attribute__((section(".vectors"), used)) void *const vectors[16] = {
    stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
    0, 0, 0, (void *)fault, (void *)fault, 0, (void *)fault, (void *)fault,
};
