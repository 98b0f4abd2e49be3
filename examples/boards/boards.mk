# For TARGET: compiler and flags, Rust's target, the board, its linker script and how QEMU runs it.
QEMU_FLAGS := -display none -monitor none -serial none -nodefaults -semihosting-config enable=on,target=native
ARM := $(filter cortex-%,$(TARGET))
SOFT := $(filter cortex-m0plus cortex-m3,$(TARGET))

ifneq ($(ARM),)
CC_BARE := arm-none-eabi-gcc
CPU_FLAGS := -mcpu=$(TARGET) -mthumb -mfloat-abi=$(if $(SOFT),soft,hard)
BOARD := $(or $(and $(filter cortex-m4,$(TARGET)),mps2-an386),$(and $(filter cortex-m7,$(TARGET)),mps2-an500),$(and \
	$(filter cortex-m33,$(TARGET)),mps2-an505),$(and $(filter cortex-m55,$(TARGET)),mps3-an547),mps2-an385)
BOARD_SCRIPT := $(if $(filter mps2-an505 mps3-an547,$(BOARD)),$(BOARD),mps2).ld
RUST_TARGET := $(or $(and $(filter cortex-m0plus,$(TARGET)),thumbv6m-none-eabi),$(and \
	$(filter cortex-m3,$(TARGET)),thumbv7m-none-eabi),$(and \
	$(filter cortex-m33 cortex-m55,$(TARGET)),thumbv8m.main-none-eabihf),thumbv7em-none-eabihf)
START := start_arm.c
ENTRY := reset
QEMU := qemu-system-arm -M $(BOARD) $(QEMU_FLAGS)
else
CC_BARE := riscv64-unknown-elf-gcc
CPU_FLAGS := -march=$(TARGET:riscv%=rv%) -mabi=ilp32
BOARD := virt
BOARD_SCRIPT := virt.ld
RUST_TARGET := $(TARGET)-unknown-none-elf
START := start_riscv.S
ENTRY := _start
QEMU := qemu-system-riscv32 -M virt -bios none $(QEMU_FLAGS)
endif
