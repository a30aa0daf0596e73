/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UQ_ONEDNN_H
#define UQ_ONEDNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Float32 primitives of oneDNN with one interface over its major versions 2 and 3.
 *
 * An op is a primitive prepared for fixed shapes; its constant weights are copied at creation,
 * reordered into the layout that oneDNN prefers. Activations are dense and row-major: images
 * [N, H, W, C], matrices [M, K]. Every call computes on the calling thread alone (see
 * uq_dnn_single_threaded), so that results do not depend on the number of threads: run samples in
 * parallel, not layers.
 *
 * Arithmetic is float32 throughout; no reduced precision and no Winograd. Results may differ in
 * the last bits between oneDNN versions, and where uq_dnn_same_on_all_processors says so between
 * processors.
 */

/* Status of a call. */
enum {
    UQ_DNN_OK = 0,
    /* Shapes or attributes that oneDNN, or this layer, does not take: evaluate it elsewhere. */
    UQ_DNN_UNSUPPORTED = 1,
    UQ_DNN_OUT_OF_MEMORY = 2,
    UQ_DNN_FAILED = 3
};

/* The CPU of this process. Read-only once created: any number of threads may share it. */
typedef struct uq_dnn_engine uq_dnn_engine;

/* A prepared primitive. Threads may execute one op at once, each with its own scratchpad. */
typedef struct uq_dnn_op uq_dnn_op;

/* "2.6.3": the version of the oneDNN library that runs, static storage. */
const char *uq_dnn_version(void);

/*
 * 1 if every primitive runs on the calling thread alone: oneDNN was built without threads or with
 * OpenMP. 0 if it was built on TBB or a thread pool, which may use further threads and whose
 * results may then depend on their number.
 */
int uq_dnn_single_threaded(void);

/*
 * 1 if the code that runs is that for AVX2, to which engines hold every x86-64 processor that has
 * it or more. 0 on other processors, and where the library does not let itself be held.
 */
int uq_dnn_same_on_all_processors(void);

/* The CPU engine, or NULL if oneDNN has none, or one on SYCL only, or memory is short. */
uq_dnn_engine *uq_dnn_engine_create(void);

/* Releases the engine; all its ops must have been destroyed. NULL is allowed. */
void uq_dnn_engine_destroy(uq_dnn_engine *engine);

/*
 * Shapes of a convolution or a transposed convolution. Tensors: src [batch, in_h, in_w, in_c], dst
 * [batch, out_h, out_w, out_c], weights [out_c, kernel_h, kernel_w, in_c / groups]. A dilation of 1
 * is a dense kernel. With groups == in_c it is a depthwise convolution of multiplier
 * out_c / in_c.
 */
typedef struct uq_dnn_convolution {
    int32_t batch;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left, pad_bottom, pad_right;
    int32_t groups;
} uq_dnn_convolution;

/* Shapes of a product with constant weights: src [batch, in_c], weights [out_c, in_c]. */
typedef struct uq_dnn_inner_product {
    int32_t batch;
    int32_t in_c;
    int32_t out_c;
} uq_dnn_inner_product;

/*
 * Shapes of a product of two activations: a [a_batch, m, k] (stored [a_batch, k, m] where
 * a_transposed), b [b_batch, k, n] (stored [b_batch, n, k] where b_transposed), dst [batch, m, n].
 * a_batch and b_batch equal batch, or are 1: one matrix shared by the whole batch.
 */
typedef struct uq_dnn_matmul {
    int32_t batch, a_batch, b_batch;
    int32_t m, k, n;
    int32_t a_transposed, b_transposed;
} uq_dnn_matmul;

/* How a pooling window becomes one value. */
enum {
    UQ_DNN_POOL_MAX = 0,
    /* Divided by kernel_h * kernel_w everywhere. */
    UQ_DNN_POOL_AVERAGE_INCLUDE_PADDING = 1,
    /* Divided by the number of elements inside the image. */
    UQ_DNN_POOL_AVERAGE_EXCLUDE_PADDING = 2
};

/*
 * Shapes of a pooling: src [batch, in_h, in_w, channels], dst [batch, out_h, out_w, channels]. A
 * dilation of 1 is a dense window. Every window must hold at least one element of the image.
 */
typedef struct uq_dnn_pooling {
    int32_t kind;
    int32_t batch;
    int32_t in_h, in_w;
    int32_t out_h, out_w;
    int32_t channels;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left, pad_bottom, pad_right;
} uq_dnn_pooling;

/*
 * The functions below prepare an op and store it in *op, or leave NULL there and return a status.
 *
 * The weights and the bias (out_c values, or NULL for none) are copied. Results are clamped to
 * [lo, hi], where either may be infinite: [0, INFINITY] is ReLU, [0, 6] is ReLU6,
 * [-INFINITY, INFINITY] clamps nothing. What becomes of a NaN is not specified where a clamp
 * applies.
 *
 * UQ_DNN_UNSUPPORTED is returned for a dimension below 1, a negative padding, sizes that do not
 * fit together, lo > hi, and any tensor of 2 GiB or more.
 */
int uq_dnn_convolution_create(const uq_dnn_engine *engine, const uq_dnn_convolution *shape,
                              const float *weights, const float *bias, float lo, float hi,
                              uq_dnn_op **op);

/*
 * dst[y * stride + i * dilation - pad] += src[y] * weights[i] along both axes, the gradient of a
 * convolution with respect to its input; out_h may exceed
 * (in_h - 1) * stride_h + (kernel_h - 1) * dilation_h + 1 - pad_top - pad_bottom
 * by less than stride_h (output padding), out_w likewise.
 */
int uq_dnn_transposed_convolution_create(const uq_dnn_engine *engine,
                                         const uq_dnn_convolution *shape, const float *weights,
                                         const float *bias, float lo, float hi, uq_dnn_op **op);

/* dst[m][o] = clamp(sum over k of src[m][k] * weights[o][k], plus bias[o]). */
int uq_dnn_inner_product_create(const uq_dnn_engine *engine, const uq_dnn_inner_product *shape,
                                const float *weights, const float *bias, float lo, float hi,
                                uq_dnn_op **op);

/* The op takes two sources: run it with uq_dnn_op_execute_pair. */
int uq_dnn_matmul_create(const uq_dnn_engine *engine, const uq_dnn_matmul *shape, uq_dnn_op **op);

int uq_dnn_pooling_create(const uq_dnn_engine *engine, const uq_dnn_pooling *shape, uq_dnn_op **op);

/* Releases the op; none of its executions may be under way. NULL is allowed. */
void uq_dnn_op_destroy(uq_dnn_op *op);

/* Bytes of scratchpad that one execution needs; may be 0. */
size_t uq_dnn_op_scratch_bytes(const uq_dnn_op *op);

/* Bytes of the weights and the bias as the op keeps them. */
uint64_t uq_dnn_op_weight_bytes(const uq_dnn_op *op);

/*
 * Computes dst from src, which must not overlap. scratchpad: uq_dnn_op_scratch_bytes(op) bytes,
 * uninitialised, best aligned to 64, not shared with an execution under way; may be NULL if 0.
 */
int uq_dnn_op_execute(uq_dnn_op *op, const float *src, float *dst, void *scratchpad);

/* The same for an op with two sources (uq_dnn_matmul_create). */
int uq_dnn_op_execute_pair(uq_dnn_op *op, const float *a, const float *b, float *dst,
                           void *scratchpad);

/*
 * A product of matrices in memory: c [m, n] = a [m, k] * b [k, n], or c += that where accumulating.
 * a is stored [k, m] where a_transposed, b [n, k] where b_transposed; a_stride, b_stride and
 * c_stride are the distances between stored rows.
 */
typedef struct uq_dnn_product {
    int32_t m, n, k;
    int32_t a_transposed, b_transposed;
    int32_t a_stride, b_stride, c_stride;
    int32_t accumulates;
} uq_dnn_product;

/* Computes a product on the calling thread. */
int uq_dnn_multiply(const uq_dnn_engine *engine, const uq_dnn_product *shape, const float *a,
                    const float *b, float *c);

#ifdef __cplusplus
}
#endif

#endif
