#ifndef UQ_SCALE_H
#define UQ_SCALE_H
#include <stdint.h>
#include "uq_wrap.h"
typedef struct {
    int32_t offset, low;
} uq_scale_output;
typedef struct {
    int32_t count;
    uq_scale_output output;
    int32_t taps[1];
    int32_t limits[2];
} uq_scale_params;
void uq_scale_s8(const uq_scale_params *params, const int8_t *from,
                 const int8_t *factors, int32_t factor_count, void *scratch,
                 int8_t *to);
#endif
