// Java's natives. JNI_invoke(env, class, block): MODEL_run on parts of the direct buffer `block`, whose first byte counted is the first at a
// multiple of 128. MODEL_places: number of arguments, at least 8, and the offset of each.
    .text
    .globl JNI_invoke
    .type JNI_invoke, %function
JNI_invoke:
    stp x29, x30, [sp, #-16]!
    mov x29, sp
    mov x1, x2
    ldr x16, [x0]
    ldr x16, [x16, #1840] // GetDirectBufferAddress
    blr x16
    cbz x0, 3f
    add x9, x0, #127
    and x9, x9, #-128
    adrp x10, MODEL_places
    add x10, x10, :lo12:MODEL_places
    ldr w11, [x10]
    // Arguments beyond the eighth go onto the stack, which stays at multiples of 16.
    sub x12, x11, #8
    add x13, x12, #1
    and x13, x13, #-2
    sub sp, sp, x13, lsl #3
1:  cbz x12, 2f
    add x13, x12, #8
    ldr w14, [x10, x13, lsl #2]
    add x14, x14, x9
    sub x12, x12, #1
    str x14, [sp, x12, lsl #3]
    b 1b
2:  ldp w0, w1, [x10, #4]
    ldp w2, w3, [x10, #12]
    ldp w4, w5, [x10, #20]
    ldp w6, w7, [x10, #28]
    add x0, x0, x9
    add x1, x1, x9
    add x2, x2, x9
    add x3, x3, x9
    add x4, x4, x9
    add x5, x5, x9
    add x6, x6, x9
    add x7, x7, x9
    bl MODEL_run
    mov sp, x29
    ldp x29, x30, [sp], #16
    ret
3:  mov w0, #-1
    ldp x29, x30, [sp], #16
    ret

// JNI_variant(env, class): the variant's name. JNI_meta: what the class knows of the model.
    .globl JNI_variant
    .type JNI_variant, %function
JNI_variant:
    stp x29, x30, [sp, #-32]!
    mov x29, sp
    str x0, [sp, #16]
    bl MODEL_variant
    mov x1, x0
    ldr x0, [sp, #16]
    ldp x29, x30, [sp], #32
    ldr x16, [x0]
    ldr x16, [x16, #1336] // NewStringUTF
    br x16

    .globl JNI_meta
    .type JNI_meta, %function
JNI_meta:
    adrp x1, MODEL_meta
    add x1, x1, :lo12:MODEL_meta
    ldr x16, [x0]
    ldr x16, [x16, #1336]
    br x16

// JNI_skip(env, class, block): bytes before the first one at a multiple of 128.
    .globl JNI_skip
    .type JNI_skip, %function
JNI_skip:
    stp x29, x30, [sp, #-16]!
    mov x29, sp
    mov x1, x2
    ldr x16, [x0]
    ldr x16, [x16, #1840]
    blr x16
    neg w0, w0
    and w0, w0, #127
    ldp x29, x30, [sp], #16
    ret
