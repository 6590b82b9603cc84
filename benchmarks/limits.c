/* What this machine can do at most: sums over 4 x 4 tiles in registers, and reading memory. */

#include <math.h>
#include <stddef.h>

#define DEPTH 1024
#define BLOCK 64

#define TILE(NAME, TERM)                                                                   \
    static float NAME##_tile(const float *x, const float *y, size_t dims, size_t depth) { \
        float sums[4][4] = {{0}};                                                          \
        for (size_t i = 0; i < depth; i++)                                                 \
            for (int q = 0; q < 4; q++)                                                    \
                for (int r = 0; r < 4; r++) {                                              \
                    float u = x[q * dims + i], v = y[r * dims + i];                        \
                    sums[q][r] += TERM;                                                    \
                }                                                                          \
        float all = 0;                                                                     \
        for (int q = 0; q < 4; q++)                                                        \
            for (int r = 0; r < 4; r++) all += sums[q][r];                                 \
        return all;                                                                        \
    }                                                                                      \
    float NAME(const float *x, size_t queries, const float *y, size_t rows, size_t dims) { \
        float all = 0;                                                                     \
        for (size_t first = 0; first + BLOCK <= rows; first += BLOCK)                      \
            for (size_t d = 0; d < dims; d += DEPTH)                                       \
                for (size_t q = 0; q + 4 <= queries; q += 4)                               \
                    for (size_t r = first; r < first + BLOCK; r += 4)                      \
                        all += NAME##_tile(x + q * dims + d, y + r * dims + d, dims,       \
                                           dims - d < DEPTH ? dims - d : DEPTH);           \
        return all;                                                                        \
    }

TILE(differences, fabsf(u - v))
TILE(minima, u < v ? u : v)

float read_all(const float *y, size_t numbers) {
    float sum = 0;
    for (size_t i = 0; i < numbers; i++) sum += y[i];
    return sum;
}
