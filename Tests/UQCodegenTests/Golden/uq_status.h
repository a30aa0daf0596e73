#ifndef UQ_STATUS_H
#define UQ_STATUS_H
#include <stdint.h>
typedef int32_t uq_status;
enum {
    UQ_OK = 0,
    UQ_ERROR_ARENA_NULL = 0x0101,
    UQ_ERROR_ARENA_SIZE = 0x0102,
    UQ_ERROR_ARENA_ALIGNMENT = 0x0103,
    UQ_ERROR_ARGUMENT = 0x0201
};
#endif
