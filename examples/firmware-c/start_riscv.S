# RISC-V in machine mode: stack, trap address, memory zeroed, main.
    .option arch, +zicsr
    .section .text.start, "ax"
    .globl _start
_start:
    la sp, stack_top
    la t0, trap
    csrw mtvec, t0
    la t0, bss_start
    la t1, bss_end
clear:
    bgeu t0, t1, done
    sw zero, 0(t0)
    addi t0, t0, 4
    j clear
done:
    call main
    call sh_exit

    .balign 4
trap:
    li a0, 99
    call sh_exit
