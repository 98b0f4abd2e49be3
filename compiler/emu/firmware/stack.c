/* How deep a call goes: words below the caller's frame get a pattern, and what is left of it is counted afterwards. */
#include "emu.h"

static uintptr_t caller_stack;
/* Room for emu_stack_paint's own frame, which it must not overwrite; PAINTED is far more than any entry function takes. */
enum { OWN_FRAME = 64, PAINTED = 32 * 1024, PAINT = 0x5AA5C33C };

__attribute__((noinline)) void emu_stack_paint(void)
{
    caller_stack = (uintptr_t)__builtin_dwarf_cfa();
    volatile uint32_t *top = (uint32_t *)(caller_stack - OWN_FRAME);
    /* Downwards, as a stack grows: an operating system extends it page by page. */
    for (volatile uint32_t *word = top; word > (uint32_t *)(caller_stack - PAINTED); )
        *--word = PAINT;
}

/* All ones where the call went deeper than the paint. */
uint32_t emu_stack_used(void)
{
    volatile uint32_t *top = (uint32_t *)(caller_stack - OWN_FRAME), *word = (uint32_t *)(caller_stack - PAINTED);
    if (*word != PAINT)
        return UINT32_MAX;
    while (word < top && *word == PAINT)
        word++;
    return (uint32_t)(caller_stack - (uintptr_t)word);
}
