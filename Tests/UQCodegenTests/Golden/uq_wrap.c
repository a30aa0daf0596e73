#include "uq_wrap.h"
int8_t uq_wrap(int32_t value) { return (int8_t)(uint8_t)((uint32_t)value & 255u); }
