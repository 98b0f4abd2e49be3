// MODEL_run jumps to the variant for the CPU at hand, found at its first call; MODEL_variant returns that variant's name.
// MODEL_table, best variant first: masks of AT_HWCAP and AT_HWCAP2, distances to the code and to the name. The last entry asks for
// nothing. MODEL_chosen, zero at first, holds the entry that was found; threads that look for it all find the same one.
    .text
    .globl MODEL_run
    .type MODEL_run, %function
MODEL_run:
    adrp x16, MODEL_chosen
    ldr x16, [x16, :lo12:MODEL_chosen]
    cbnz x16, 1f
    stp x29, x30, [sp, #-80]!
    mov x29, sp
    stp x0, x1, [sp, #16]
    stp x2, x3, [sp, #32]
    stp x4, x5, [sp, #48]
    stp x6, x7, [sp, #64]
    bl find
    mov x16, x0
    ldp x0, x1, [sp, #16]
    ldp x2, x3, [sp, #32]
    ldp x4, x5, [sp, #48]
    ldp x6, x7, [sp, #64]
    ldp x29, x30, [sp], #80
1:  add x16, x16, #8
    ldrsw x17, [x16]
    add x16, x16, x17
    br x16

    .globl MODEL_variant
    .type MODEL_variant, %function
MODEL_variant:
    adrp x0, MODEL_chosen
    ldr x0, [x0, :lo12:MODEL_chosen]
    cbnz x0, 1f
    stp x29, x30, [sp, #-16]!
    mov x29, sp
    bl find
    ldp x29, x30, [sp], #16
1:  add x0, x0, #12
    ldrsw x1, [x0]
    add x0, x0, x1
    ret

// The entry, in x0. The auxiliary vector is read by system calls, which change x0 alone: nothing of a C library is needed. From its file
// where the kernel is older than Linux 6.4; processes that may not be dumped, such as released apps on Android, may not open it.
find:
    sub sp, sp, #1024
    mov x9, #0
    mov x10, #0
    mov x0, #0x5856
    movk x0, #0x4155, lsl #16 // PR_GET_AUXV
    mov x1, sp
    mov x2, #1024
    mov x3, #0
    mov x4, #0
    mov x8, #167 // prctl
    svc #0
    mov x12, #-1 // no file
    cmp x0, #0
    b.gt 2f
    mov x0, #-100 // AT_FDCWD
    adr x1, path
    mov x2, #0x80000 // O_CLOEXEC
    mov x3, #0
    mov x8, #56 // openat
    svc #0
    tbnz x0, #63, 4f
    mov x12, x0
    mov x1, sp
    mov x2, #1024
    mov x8, #63 // read
    svc #0
    cmp x0, #0
    b.le 3f
    // The length of the whole vector, which may be more than was written.
2:  mov x13, #1024
    cmp x0, x13
    csel x13, x0, x13, lo
    add x13, sp, x13
    mov x14, sp
1:  add x15, x14, #16
    cmp x15, x13
    b.hi 3f
    ldp x16, x17, [x14]
    mov x14, x15
    cmp x16, #16 // AT_HWCAP
    csel x9, x17, x9, eq
    cmp x16, #26 // AT_HWCAP2
    csel x10, x17, x10, eq
    b 1b
3:  tbnz x12, #63, 4f
    mov x0, x12
    mov x8, #57 // close
    svc #0
4:  add sp, sp, #1024
    adrp x0, MODEL_table
    add x0, x0, :lo12:MODEL_table
    b 6f
5:  add x0, x0, #16
6:  ldp w1, w2, [x0]
    bic w1, w1, w9
    bic w2, w2, w10
    orr w1, w1, w2
    cbnz w1, 5b
    adrp x16, MODEL_chosen
    str x0, [x16, :lo12:MODEL_chosen]
    ret

path:
    .asciz "/proc/self/auxv"
    .balign 4

// No variant fits.
    .globl MODEL_none
    .type MODEL_none, %function
MODEL_none:
    mov w0, #-3
    ret
