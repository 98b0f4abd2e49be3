/* Classifies one 8x8 digit with the library that README's first command writes to out/.
 *
 *     gcc -O2 examples/digits.c -Iout -Lout -ldigits -o digits && ./digits
 */
#include <stdio.h>
#include "digits.h"

static _Alignas(DIGITS_ARENA_ALIGN) unsigned char arena[DIGITS_ARENA_BYTES];

int main(void) {
    /* Raw pixels, 0 to 16: `--input pixels=u8,scale=1,offset=0` made this the interface. */
    static const uint8_t pixels[DIGITS_PIXELS_ELEMS] = {
        0, 0, 10, 16, 8,  0,  0,  0, 0, 7, 13, 4, 14, 7,  0,  0, 0, 7, 13, 2,  7,  8,  0, 0, 0, 0, 7, 16, 16, 5,  0, 0,
        0, 1, 12, 13, 15, 6,  0,  0, 0, 3, 16, 2, 4,  13, 6,  0, 0, 4, 16, 4,  1,  11, 12, 0, 0, 0, 7, 15, 16, 14, 2, 0,
    };
    int8_t codes[DIGITS_PROBABILITIES_ELEMS];
    float probabilities[DIGITS_PROBABILITIES_ELEMS];
    if (digits_run(pixels, codes, arena) != 0) return 1;
    digits_dequantize_probabilities(codes, probabilities);
    int best = 0;
    for (int i = 1; i < DIGITS_PROBABILITIES_ELEMS; i++)
        if (codes[i] > codes[best]) best = i;
    printf("%d (%.0f %%)\n", best, 100.0 * (double)probabilities[best]);
    return 0;
}
