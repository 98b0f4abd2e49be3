# MODEL_run jumps to the variant for the CPU at hand, found at its first call; MODEL_variant returns that variant's name.
# MODEL_table, best variant first: masks of leaf 1 ecx, leaf 7 ebx, leaf 7 ecx and XCR0, distances to the code and to the name. The last
# entry asks for nothing. MODEL_chosen, zero at first, holds the entry that was found; threads that look for it all find the same one.
    .text
    .globl MODEL_run
    .type MODEL_run, @function
MODEL_run:
    movq MODEL_chosen(%rip), %rax
    testq %rax, %rax
    jnz 1f
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %r8
    pushq %r9
    call find
    popq %r9
    popq %r8
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
1:  movslq 16(%rax), %r11
    leaq 16(%rax, %r11), %rax
    jmp *%rax

    .globl MODEL_variant
    .type MODEL_variant, @function
MODEL_variant:
    movq MODEL_chosen(%rip), %rax
    testq %rax, %rax
    jnz 1f
    call find
1:  movslq 20(%rax), %rcx
    leaq 20(%rax, %rcx), %rax
    ret

# The entry, in rax; leaves alone what a called function must.
find:
    pushq %rbx
    xorl %eax, %eax
    cpuid
    movl %eax, %esi
    movl $1, %eax
    xorl %ecx, %ecx
    cpuid
    movl %ecx, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    cmpl $7, %esi
    jb 1f
    movl $7, %eax
    xorl %ecx, %ecx
    cpuid
    movl %ebx, %r9d
    movl %ecx, %r10d
1:  btl $27, %r8d
    jnc 2f
    # The system saves these registers: OSXSAVE says that it can be asked.
    xorl %ecx, %ecx
    xgetbv
    movl %eax, %r11d
2:  leaq MODEL_table(%rip), %rax
    jmp 4f
3:  addq $24, %rax
4:  movl (%rax), %edx
    andl %r8d, %edx
    cmpl (%rax), %edx
    jne 3b
    movl 4(%rax), %edx
    andl %r9d, %edx
    cmpl 4(%rax), %edx
    jne 3b
    movl 8(%rax), %edx
    andl %r10d, %edx
    cmpl 8(%rax), %edx
    jne 3b
    movl 12(%rax), %edx
    andl %r11d, %edx
    cmpl 12(%rax), %edx
    jne 3b
    movq %rax, MODEL_chosen(%rip)
    popq %rbx
    ret

# No variant fits.
    .globl MODEL_none
    .type MODEL_none, @function
MODEL_none:
    movl $-3, %eax
    ret
