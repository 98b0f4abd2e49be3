/* Classifies the images in digits.bin, 64 raw pixels each, and prints one line for each. */
#include "digits.h"
#include "semihost.h"

static _Alignas(DIGITS_ARENA_ALIGN) unsigned char arena[DIGITS_ARENA_BYTES];

int main(void)
{
    uint8_t pixels[DIGITS_PIXELS_ELEMS];
    int8_t codes[DIGITS_PROBABILITIES_ELEMS];
    float probabilities[DIGITS_PROBABILITIES_ELEMS];
    long file = sh_open("digits.bin");
    if (file < 0) {
        sh_print("digits.bin is not in QEMU's folder\n");
        return 1;
    }
    for (int image = 0; sh_read(file, pixels, sizeof pixels); image++) {
        if (digits_run(pixels, codes, arena) != 0)
            return 1;
        digits_dequantize_probabilities(codes, probabilities);
        int best = 0;
        for (int i = 1; i < DIGITS_PROBABILITIES_ELEMS; i++)
            if (codes[i] > codes[best]) best = i;
        sh_print("image ");
        sh_number(image);
        sh_print(": ");
        sh_number(best);
        sh_print(" (");
        sh_number((int)(100.0f * probabilities[best] + 0.5f));
        sh_print(" %)\n");
    }
    return 0;
}
