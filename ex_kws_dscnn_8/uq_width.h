/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_WIDTH_H
#define UQ_WIDTH_H

/*
 * Names that make one kernel body serve every width of weights. A source file
 * defines UQ_WEIGHT_BITS (8, 4, 3, 2 or 1) and includes a uq_*_body.h.
 *
 *   UQ_SYMBOL(name)        name, or name_w4, name_w3, ...
 *   uq_weight              element type of packed weights
 *   uq_group8, uq_group4   as uq_group8_w4, uq_group4_w4 ...
 *   uq_group_weight        weight `index` of a group; `row` points at its first
 *                          weight and matters for 8 bits only, where nothing
 *                          is loaded ahead
 *   uq_weight_at           weight k of a row
 */
#include "uq_weights.h"

#if UQ_WEIGHT_BITS == 8
#define UQ_SYMBOL(name) name
typedef int8_t uq_weight;
#else
#define UQ_JOIN_(a, b) a##b
#define UQ_JOIN(a, b) UQ_JOIN_(a, b)
#define UQ_SUFFIX UQ_JOIN(_w, UQ_WEIGHT_BITS)
#define UQ_SYMBOL(name) UQ_JOIN(name, UQ_SUFFIX)
typedef uint8_t uq_weight;
#endif

#if UQ_WEIGHT_BITS == 8

static inline uint32_t uq_group8(const uq_weight *bytes)
{
    (void)bytes;
    return 0u;
}

static inline uint32_t uq_group4(const uq_weight *row, int32_t k)
{
    (void)row;
    (void)k;
    return 0u;
}

static inline int32_t uq_group_weight(uint32_t group, const uq_weight *row,
                                      uint32_t index)
{
    (void)group;
    return row[index];
}

static inline int32_t uq_weight_at(const uq_weight *row, int32_t k)
{
    return row[k];
}

#else

static inline uint32_t uq_group8(const uq_weight *bytes)
{
    return UQ_SYMBOL(uq_group8)(bytes);
}

static inline uint32_t uq_group4(const uq_weight *row, int32_t k)
{
    return UQ_SYMBOL(uq_group4)(row, k);
}

static inline int32_t uq_group_weight(uint32_t group, const uq_weight *row,
                                      uint32_t index)
{
    (void)row;
    return UQ_SYMBOL(uq_weight)(group, index);
}

static inline int32_t uq_weight_at(const uq_weight *row, int32_t k)
{
    return UQ_SYMBOL(uq_weight_at)(row, k);
}

#endif

#endif
