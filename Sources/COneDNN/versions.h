/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_VERSIONS_H
#define UQ_VERSIONS_H

#include <oneapi/dnnl/dnnl.h>

#include "uq_onednn.h"

/*
 * What differs between the C API of oneDNN 2 and 3. Version 2 has memory descriptors that are
 * structs and operation descriptors that precede primitive descriptors; version 3 has opaque
 * memory descriptors that must be destroyed, and creates primitive descriptors directly.
 */
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t uq_descriptor;
typedef const_dnnl_memory_desc_t uq_descriptor_ref;
#else
typedef dnnl_memory_desc_t uq_descriptor;
typedef const dnnl_memory_desc_t *uq_descriptor_ref;
#endif

/* A float32 memory descriptor of these strides in elements. */
dnnl_status_t uq_descriptor_strided(uq_descriptor *descriptor, int rank, const dnnl_dims_t dims,
                                    const dnnl_dims_t strides);

/* A float32 memory descriptor whose layout oneDNN chooses. */
dnnl_status_t uq_descriptor_any(uq_descriptor *descriptor, int rank, const dnnl_dims_t dims);

void uq_descriptor_destroy(uq_descriptor *descriptor);

static inline uq_descriptor_ref uq_descriptor_borrow(const uq_descriptor *descriptor) {
#if DNNL_VERSION_MAJOR >= 3
    return *descriptor;
#else
    return descriptor;
#endif
}

/* Operands of a primitive; bias is NULL where there is none, weights too for a pooling. */
typedef struct {
    uq_descriptor_ref src;
    uq_descriptor_ref weights;
    uq_descriptor_ref bias;
    uq_descriptor_ref dst;
} uq_operands;

/* Spatial attributes, height first; dilations count from 0 as oneDNN's do. */
typedef struct {
    dnnl_dims_t kernel;
    dnnl_dims_t strides;
    dnnl_dims_t dilations;
    dnnl_dims_t pads_before;
    dnnl_dims_t pads_after;
} uq_window;

/* Primitive descriptors for forward inference. */
dnnl_status_t uq_describe_convolution(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                      const uq_operands *operands, const uq_window *window,
                                      const_dnnl_primitive_attr_t attributes);
dnnl_status_t uq_describe_transposed_convolution(dnnl_primitive_desc_t *result,
                                                 dnnl_engine_t engine, const uq_operands *operands,
                                                 const uq_window *window,
                                                 const_dnnl_primitive_attr_t attributes);
dnnl_status_t uq_describe_inner_product(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                        const uq_operands *operands,
                                        const_dnnl_primitive_attr_t attributes);
dnnl_status_t uq_describe_matmul(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                 const uq_operands *operands,
                                 const_dnnl_primitive_attr_t attributes);
dnnl_status_t uq_describe_pooling(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                  dnnl_alg_kind_t kind, const uq_operands *operands,
                                  const uq_window *window, const_dnnl_primitive_attr_t attributes);

/* Appends alpha, beta parameterised element-wise arithmetic to the post-operations. */
dnnl_status_t uq_append_eltwise(dnnl_post_ops_t post_ops, dnnl_alg_kind_t kind, float alpha,
                                float beta);

#endif
