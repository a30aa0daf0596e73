#include "uq_scale.h"
void uq_scale_s8(const uq_scale_params *params, const int8_t *from,
                 const int8_t *factors, int32_t factor_count, void *scratch,
                 int8_t *to)
{
    if (scratch != 0)
        *(char *)scratch = 1;
    for (int32_t i = 0; i < params->count; i++)
        to[i] = uq_wrap(from[i] * factors[i % factor_count] + params->output.offset);
}
