/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_OP_H
#define UQ_OP_H

#include <stdbool.h>

#include "versions.h"

struct uq_dnn_engine {
    dnnl_engine_t handle;
    // OpenMP's accessors of the number of threads, or NULL where the process has no OpenMP.
    void (*set_threads)(int);
    int (*get_threads)(void);
};

/*
 * Makes oneDNN work on the calling thread alone until uq_leave, which takes the value returned
 * here. OpenMP keeps the number per calling thread, so neither touches other threads.
 */
int uq_enter(const uq_dnn_engine *engine);
void uq_leave(const uq_dnn_engine *engine, int entered);

/* The status of this layer for one of oneDNN. */
int uq_status(dnnl_status_t status);

/* Everything an op is made of; what is not needed stays zero. */
typedef struct {
    const uq_dnn_engine *engine;
    uq_descriptor src;
    // Where the caller's constant weights lie, or of the second source; weights_any for oneDNN's
    // own choice of layout.
    uq_descriptor weights;
    uq_descriptor weights_any;
    uq_descriptor bias;
    uq_descriptor dst;
    dnnl_primitive_attr_t attributes;
    // The weights are a second source, given at execution.
    bool pair;
    // Elements of dst that are clamped to [lo, hi] after the primitive; 0 for none.
    size_t clamped_count;
    float lo;
    float hi;
} uq_plan;

/* Creates the attributes: caller's scratchpad, strict float32. */
dnnl_status_t uq_plan_begin(uq_plan *plan, const uq_dnn_engine *engine);

/* Lets the primitive clamp its results to [lo, hi]. */
dnnl_status_t uq_plan_clamp(uq_plan *plan, float lo, float hi);

/* Releases the descriptors and the attributes. */
void uq_plan_end(uq_plan *plan);

/*
 * An op of this primitive descriptor, which it takes over in any case. Constant weights and bias
 * are packed; weights is NULL for an op without or with two sources.
 */
int uq_op_create(const uq_plan *plan, dnnl_primitive_desc_t description, const float *weights,
                 const float *bias, uq_dnn_op **op);

/* Whether each of the count dimensions is at least 1 and a float tensor of them below 2 GiB. */
bool uq_tensor_fits(const dnnl_dim_t *dims, int count);

/*
 * Strides of a dense row-major tensor whose logical axis order[0] is outermost, order[1] next and
 * so on.
 */
void uq_dense_strides(int rank, const dnnl_dims_t dims, const int *order, dnnl_dims_t strides);

/* The descriptor of an image [N, C, H, W] that lies as [N, H, W, C]. */
dnnl_status_t uq_descriptor_image(uq_descriptor *descriptor, int32_t n, int32_t c, int32_t h,
                                  int32_t w);

/*
 * Fills the window from {kernel, dilation} per axis, strides, and the pads {top, left, bottom,
 * right}. False if one is out of range, or a dilated kernel exceeds INT32_MAX.
 */
bool uq_window_set(uq_window *window, const int32_t extents[2][2], const int32_t strides[2],
                   const int32_t pads[4]);

#endif
