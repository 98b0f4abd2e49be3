@ One variant, which every CPU of the ABI runs: MODEL_run jumps to it, MODEL_variant returns its name.
@ MODEL_table: the two masks of AT_HWCAP and AT_HWCAP2 that nothing asks for, distances to the code and to the name.
    .syntax unified
    .arch armv7-a
    .arm
    .text
    .globl MODEL_run
    .type MODEL_run, %function
MODEL_run:
    ldr ip, 2f
1:  add ip, pc, ip
    push {r4, lr}
    ldr r4, [ip, #8]!
    add ip, ip, r4
    pop {r4, lr}
    bx ip
2:  .word MODEL_table - (1b + 8)

    .globl MODEL_variant
    .type MODEL_variant, %function
MODEL_variant:
    ldr r0, 2f
1:  add r0, pc, r0
    ldr r1, [r0, #12]!
    add r0, r0, r1
    bx lr
2:  .word MODEL_table - (1b + 8)

@ For a table without a variant that fits.
    .globl MODEL_none
    .type MODEL_none, %function
MODEL_none:
    mvn r0, #2
    bx lr
