#ifndef UQ_WRAP_H
#define UQ_WRAP_H
#include <stdint.h>
int8_t uq_wrap(int32_t value);
#endif
