@ Java's natives. JNI_invoke(env, class, block): MODEL_run on parts of the direct buffer `block`, whose first byte counted is the first at a
@ multiple of 128. MODEL_places: number of arguments, at least 4, and the offset of each.
    .syntax unified
    .arch armv7-a
    .arm
    .text
    .globl JNI_invoke
    .type JNI_invoke, %function
JNI_invoke:
    push {r4, r5, r6, r7, fp, lr}
    mov fp, sp
    mov r1, r2
    ldr ip, [r0]
    ldr ip, [ip, #920] @ GetDirectBufferAddress
    blx ip
    cmp r0, #0
    mvneq r0, #0
    beq 4f
    add r4, r0, #127
    bic r4, r4, #127
    ldr r5, 5f
1:  add r5, pc, r5
    ldr r6, [r5]
    @ Arguments beyond the fourth stay on the stack, which is at a multiple of 8 at the call.
    tst r6, #1
    subne sp, sp, #4
2:  ldr r0, [r5, r6, lsl #2]
    add r0, r0, r4
    push {r0}
    subs r6, r6, #1
    bne 2b
    pop {r0, r1, r2, r3}
    bl MODEL_run
    mov sp, fp
4:  pop {r4, r5, r6, r7, fp, pc}
5:  .word MODEL_places - (1b + 8)

@ JNI_variant(env, class): the variant's name. JNI_meta: what the class knows of the model.
    .globl JNI_variant
    .type JNI_variant, %function
JNI_variant:
    push {r4, lr}
    mov r4, r0
    bl MODEL_variant
    mov r1, r0
    mov r0, r4
    pop {r4, lr}
    ldr ip, [r0]
    ldr ip, [ip, #668] @ NewStringUTF
    bx ip

    .globl JNI_meta
    .type JNI_meta, %function
JNI_meta:
    ldr r1, 2f
1:  add r1, pc, r1
    ldr ip, [r0]
    ldr ip, [ip, #668]
    bx ip
2:  .word MODEL_meta - (1b + 8)

@ JNI_skip(env, class, block): bytes before the first one at a multiple of 128.
    .globl JNI_skip
    .type JNI_skip, %function
JNI_skip:
    push {r4, lr}
    mov r1, r2
    ldr ip, [r0]
    ldr ip, [ip, #920]
    blx ip
    rsb r0, r0, #0
    and r0, r0, #127
    pop {r4, pc}
