# Java's natives. JNI_invoke(env, class, block): MODEL_run on parts of the direct buffer `block`, whose first byte counted is the first at a
# multiple of 128. MODEL_places: number of arguments, at least 6, and the offset of each.
    .text
    .globl JNI_invoke
    .type JNI_invoke, @function
JNI_invoke:
    pushq %rbp
    movq %rsp, %rbp
    pushq %rbx
    pushq %rbx
    movq %rdx, %rsi
    movq (%rdi), %rax
    call *1840(%rax) # GetDirectBufferAddress
    testq %rax, %rax
    jz 3f
    addq $127, %rax
    andq $-128, %rax
    leaq MODEL_places(%rip), %rbx
    movl (%rbx), %ecx
    # Arguments beyond the sixth stay on the stack, which is at a multiple of 16 at the call.
    testl $1, %ecx
    jz 1f
    subq $8, %rsp
1:  movl (%rbx, %rcx, 4), %edx
    addq %rax, %rdx
    pushq %rdx
    decl %ecx
    jnz 1b
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %r8
    popq %r9
    call MODEL_run
2:  movq -8(%rbp), %rbx
    leave
    ret
3:  movl $-1, %eax
    jmp 2b

# JNI_variant(env, class): the variant's name. JNI_meta: what the class knows of the model.
    .globl JNI_variant
    .type JNI_variant, @function
JNI_variant:
    pushq %rdi
    call MODEL_variant
    popq %rdi
    movq %rax, %rsi
    movq (%rdi), %rax
    jmp *1336(%rax) # NewStringUTF

    .globl JNI_meta
    .type JNI_meta, @function
JNI_meta:
    leaq MODEL_meta(%rip), %rsi
    movq (%rdi), %rax
    jmp *1336(%rax)

# JNI_skip(env, class, block): bytes before the first one at a multiple of 128.
    .globl JNI_skip
    .type JNI_skip, @function
JNI_skip:
    pushq %rbx
    movq %rdx, %rsi
    movq (%rdi), %rax
    call *1840(%rax)
    negl %eax
    andl $127, %eax
    popq %rbx
    ret
