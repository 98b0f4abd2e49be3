# Start-up for QEMU's RISC-V `virt` machine with -bios none: enters in machine mode at the start
# of RAM, where the loader has put everything.
    .option arch, +zicsr
    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, emu_stack_top
    la t0, trap
    csrw mtvec, t0
    la t0, emu_bss_start
    la t1, emu_bss_end
clear:
    bgeu t0, t1, done
    sw zero, 0(t0)
    addi t0, t0, 4
    j clear
done:
    call emu_start

    .balign 4
trap:
    call emu_trap
