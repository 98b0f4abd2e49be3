/* emu.h on an operating system: input.bin and output.bin in the current folder. */
#include "emu.h"
#include <stdio.h>
#include <stdlib.h>

static FILE *input, *output;
static size_t left;

void emu_puts(const char *text) { fputs(text, stderr); }

void emu_exit(int status)
{
    if (output != NULL && fclose(output) != 0)
        status = 97;
    exit(status);
}

static void fault(const char *text)
{
    emu_puts(text);
    exit(98);
}

size_t emu_left(void) { return left; }

void emu_read(void *dst, size_t n)
{
    if (n > left || fread(dst, 1, n, input) != n)
        fault("input too short\n");
    left -= n;
}

void emu_write(const void *src, size_t n)
{
    if (fwrite(src, 1, n, output) != n)
        fault("output not written\n");
}

int main(void)
{
    input = fopen("input.bin", "rb");
    output = fopen("output.bin", "wb");
    if (input == NULL || output == NULL || fseek(input, 0, SEEK_END) != 0)
        fault("input.bin or output.bin not opened\n");
    left = (size_t)ftell(input);
    rewind(input);
    emu_exit(emu_main());
}
