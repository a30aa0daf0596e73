/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

#include <math.h>
#include <stdlib.h>

struct uq_dnn_op {
    const uq_dnn_engine *engine;
    dnnl_primitive_t primitive;
    // Owns the descriptors below.
    dnnl_primitive_desc_t description;
    uq_descriptor_ref src;
    uq_descriptor_ref dst;
    uq_descriptor_ref scratchpad;
    // The second source; NULL where the weights are constant or there are none.
    uq_descriptor_ref pair;
    dnnl_memory_t weights;
    dnnl_memory_t bias;
    size_t scratch_bytes;
    uint64_t weight_bytes;
};

int uq_status(dnnl_status_t status) {
    switch (status) {
    case dnnl_success:
        return UQ_DNN_OK;
    case dnnl_unimplemented:
    case dnnl_invalid_arguments:
        return UQ_DNN_UNSUPPORTED;
    case dnnl_out_of_memory:
        return UQ_DNN_OUT_OF_MEMORY;
    default:
        return UQ_DNN_FAILED;
    }
}

bool uq_tensor_fits(const dnnl_dim_t *dims, int count) {
    const dnnl_dim_t most = INT32_MAX / (dnnl_dim_t)sizeof(float);
    dnnl_dim_t elements = 1;
    for (int i = 0; i < count; ++i) {
        if (dims[i] < 1 || dims[i] > most / elements) {
            return false;
        }
        elements *= dims[i];
    }
    return true;
}

void uq_dense_strides(int rank, const dnnl_dims_t dims, const int *order, dnnl_dims_t strides) {
    dnnl_dim_t stride = 1;
    for (int i = rank - 1; i >= 0; --i) {
        strides[order[i]] = stride;
        stride *= dims[order[i]];
    }
}

dnnl_status_t uq_descriptor_image(uq_descriptor *descriptor, int32_t n, int32_t c, int32_t h,
                                  int32_t w) {
    const int order[4] = {0, 2, 3, 1};
    dnnl_dims_t dims = {n, c, h, w};
    dnnl_dims_t strides;
    uq_dense_strides(4, dims, order, strides);
    return uq_descriptor_strided(descriptor, 4, dims, strides);
}

bool uq_window_set(uq_window *window, const int32_t extents[2][2], const int32_t strides[2],
                   const int32_t pads[4]) {
    for (int axis = 0; axis < 2; ++axis) {
        int32_t kernel = extents[axis][0];
        int32_t dilation = extents[axis][1];
        if (kernel < 1 || dilation < 1 || strides[axis] < 1 || pads[axis] < 0 ||
            pads[axis + 2] < 0 || (int64_t)(kernel - 1) * dilation >= INT32_MAX) {
            return false;
        }
        window->kernel[axis] = kernel;
        window->dilations[axis] = dilation - 1;
        window->strides[axis] = strides[axis];
        window->pads_before[axis] = pads[axis];
        window->pads_after[axis] = pads[axis + 2];
    }
    return true;
}

static dnnl_status_t append_clamp(dnnl_primitive_attr_t attributes, float lo, float hi) {
    if (!(lo <= hi)) {
        return dnnl_invalid_arguments;
    }
    if (lo == -INFINITY && hi == INFINITY) {
        return dnnl_success;
    }
    dnnl_post_ops_t post_ops;
    dnnl_status_t status = dnnl_post_ops_create(&post_ops);
    if (status != dnnl_success) {
        return status;
    }
    // More implementations take ReLU than take the general clip.
    if (lo == 0 && hi == INFINITY) {
        status = uq_append_eltwise(post_ops, dnnl_eltwise_relu, 0.0f, 0.0f);
    } else {
        status = uq_append_eltwise(post_ops, dnnl_eltwise_clip, lo, hi);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_post_ops(attributes, post_ops);
    }
    dnnl_post_ops_destroy(post_ops);
    return status;
}

dnnl_status_t uq_plan_begin(uq_plan *plan, const uq_dnn_engine *engine, float lo, float hi) {
    *plan = (uq_plan){.engine = engine};
    dnnl_status_t status = dnnl_primitive_attr_create(&plan->attributes);
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_scratchpad_mode(plan->attributes,
                                                         dnnl_scratchpad_mode_user);
    }
    // The default can be lowered to bfloat16 from the environment.
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_fpmath_mode(plan->attributes, dnnl_fpmath_mode_strict);
    }
    if (status == dnnl_success) {
        status = append_clamp(plan->attributes, lo, hi);
    }
    return status;
}

void uq_plan_end(uq_plan *plan) {
    uq_descriptor_destroy(&plan->src);
    uq_descriptor_destroy(&plan->weights);
    uq_descriptor_destroy(&plan->weights_any);
    uq_descriptor_destroy(&plan->bias);
    uq_descriptor_destroy(&plan->dst);
    if (plan->attributes) {
        dnnl_primitive_attr_destroy(plan->attributes);
    }
}

// The handle of memory that oneDNN only reads; its interface has no const one.
static void *handle(const float *values) {
    union {
        const float *constant;
        void *plain;
    } pointer = {.constant = values};
    return pointer.plain;
}

// Copies values into memory of oneDNN's own, in the layout of `to`.
static dnnl_status_t pack(dnnl_engine_t engine, uq_descriptor_ref from, uq_descriptor_ref to,
                          const float *values, dnnl_memory_t *packed) {
    dnnl_memory_t plain = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_status_t status = dnnl_memory_create(packed, to, engine, DNNL_MEMORY_ALLOCATE);
    if (status == dnnl_success) {
        status = dnnl_memory_create(&plain, from, engine, handle(values));
    }
    if (status == dnnl_success) {
        status = dnnl_reorder_primitive_desc_create(&description, from, engine, to, engine, NULL);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_create(&reorder, description);
    }
    if (status == dnnl_success) {
        status = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    }
    if (status == dnnl_success) {
        const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, plain}, {DNNL_ARG_TO, *packed}};
        status = dnnl_primitive_execute(reorder, stream, 2, arguments);
    }
    if (status == dnnl_success) {
        status = dnnl_stream_wait(stream);
    }
    if (stream) {
        dnnl_stream_destroy(stream);
    }
    if (reorder) {
        dnnl_primitive_destroy(reorder);
    }
    if (description) {
        dnnl_primitive_desc_destroy(description);
    }
    if (plain) {
        dnnl_memory_destroy(plain);
    }
    return status;
}

static dnnl_status_t complete(uq_dnn_op *op, const uq_plan *plan, const float *weights,
                              const float *bias) {
    dnnl_engine_t engine = plan->engine->handle;
    dnnl_status_t status = dnnl_primitive_create(&op->primitive, op->description);
    if (status != dnnl_success) {
        return status;
    }
    op->src = dnnl_primitive_desc_query_md(op->description, dnnl_query_src_md, 0);
    op->dst = dnnl_primitive_desc_query_md(op->description, dnnl_query_dst_md, 0);
    op->scratchpad = dnnl_primitive_desc_query_md(op->description, dnnl_query_scratchpad_md, 0);
    op->scratch_bytes = op->scratchpad ? dnnl_memory_desc_get_size(op->scratchpad) : 0;
    if (plan->pair) {
        op->pair = dnnl_primitive_desc_query_md(op->description, dnnl_query_weights_md, 0);
    }
    if (weights) {
        uq_descriptor_ref to =
            dnnl_primitive_desc_query_md(op->description, dnnl_query_weights_md, 0);
        status = pack(engine, uq_descriptor_borrow(&plan->weights), to, weights, &op->weights);
        op->weight_bytes += dnnl_memory_desc_get_size(to);
    }
    if (status == dnnl_success && bias) {
        uq_descriptor_ref to =
            dnnl_primitive_desc_query_md(op->description, dnnl_query_weights_md, 1);
        status = pack(engine, uq_descriptor_borrow(&plan->bias), to, bias, &op->bias);
        op->weight_bytes += dnnl_memory_desc_get_size(to);
    }
    return status;
}

int uq_op_create(const uq_plan *plan, dnnl_primitive_desc_t description, const float *weights,
                 const float *bias, uq_dnn_op **op) {
    uq_dnn_op *made = calloc(1, sizeof *made);
    if (!made) {
        dnnl_primitive_desc_destroy(description);
        return UQ_DNN_OUT_OF_MEMORY;
    }
    made->engine = plan->engine;
    made->description = description;
    dnnl_status_t status = complete(made, plan, weights, bias);
    if (status != dnnl_success) {
        uq_dnn_op_destroy(made);
        return uq_status(status);
    }
    *op = made;
    return UQ_DNN_OK;
}

void uq_dnn_op_destroy(uq_dnn_op *op) {
    if (!op) {
        return;
    }
    if (op->bias) {
        dnnl_memory_destroy(op->bias);
    }
    if (op->weights) {
        dnnl_memory_destroy(op->weights);
    }
    if (op->primitive) {
        dnnl_primitive_destroy(op->primitive);
    }
    dnnl_primitive_desc_destroy(op->description);
    free(op);
}

size_t uq_dnn_op_scratch_bytes(const uq_dnn_op *op) {
    return op->scratch_bytes;
}

uint64_t uq_dnn_op_weight_bytes(const uq_dnn_op *op) {
    return op->weight_bytes;
}

// Operands of one execution: memory objects carry the data pointer, so threads cannot share them.
typedef struct {
    dnnl_exec_arg_t arguments[6];
    dnnl_memory_t owned[4];
    int arguments_count;
    int owned_count;
} execution;

static void pass(execution *run, int role, dnnl_memory_t memory) {
    run->arguments[run->arguments_count++] = (dnnl_exec_arg_t){role, memory};
}

static dnnl_status_t lend(execution *run, const uq_dnn_op *op, int role,
                          uq_descriptor_ref descriptor, void *data) {
    dnnl_memory_t memory;
    dnnl_status_t status =
        dnnl_memory_create(&memory, descriptor, op->engine->handle, data);
    if (status == dnnl_success) {
        run->owned[run->owned_count++] = memory;
        pass(run, role, memory);
    }
    return status;
}

static dnnl_status_t gather(execution *run, const uq_dnn_op *op, const float *src,
                            const float *pair, float *dst, void *scratchpad) {
    dnnl_status_t status = lend(run, op, DNNL_ARG_SRC, op->src, handle(src));
    if (status == dnnl_success) {
        status = lend(run, op, DNNL_ARG_DST, op->dst, dst);
    }
    if (status == dnnl_success && op->pair) {
        status = lend(run, op, DNNL_ARG_WEIGHTS, op->pair, handle(pair));
    }
    if (status == dnnl_success && op->scratch_bytes > 0) {
        status = lend(run, op, DNNL_ARG_SCRATCHPAD, op->scratchpad, scratchpad);
    }
    if (op->weights) {
        pass(run, DNNL_ARG_WEIGHTS, op->weights);
    }
    if (op->bias) {
        pass(run, DNNL_ARG_BIAS, op->bias);
    }
    return status;
}

static int execute(const uq_dnn_op *op, const float *src, const float *pair, float *dst,
                   void *scratchpad) {
    if (!src || !dst || !pair != !op->pair || (op->scratch_bytes > 0 && !scratchpad)) {
        return UQ_DNN_FAILED;
    }
    int entered = uq_enter(op->engine);
    execution run = {.owned_count = 0};
    dnnl_status_t status = gather(&run, op, src, pair, dst, scratchpad);
    dnnl_stream_t stream = NULL;
    if (status == dnnl_success) {
        status = dnnl_stream_create(&stream, op->engine->handle, dnnl_stream_default_flags);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_execute(op->primitive, stream, run.arguments_count, run.arguments);
    }
    if (status == dnnl_success) {
        status = dnnl_stream_wait(stream);
    }
    if (stream) {
        dnnl_stream_destroy(stream);
    }
    for (int i = 0; i < run.owned_count; ++i) {
        dnnl_memory_destroy(run.owned[i]);
    }
    uq_leave(op->engine, entered);
    return uq_status(status);
}

int uq_dnn_op_execute(const uq_dnn_op *op, const float *src, float *dst, void *scratchpad) {
    return execute(op, src, NULL, dst, scratchpad);
}

int uq_dnn_op_execute_pair(const uq_dnn_op *op, const float *a, const float *b, float *dst,
                           void *scratchpad) {
    return execute(op, a, b, dst, scratchpad);
}
