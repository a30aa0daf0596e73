/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

#include <math.h>
#include <stdlib.h>

#define IDLE_EXECUTIONS 16

// What one execution hands to oneDNN. Memory objects carry the data pointer, so that threads cannot
// share them, and creating them costs as much as a small layer, so that they are kept for reuse.
typedef struct {
    dnnl_stream_t stream;
    dnnl_memory_t lent[4];
    dnnl_exec_arg_t arguments[6];
    int lent_count;
    int arguments_count;
} execution;

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
    // What is left to clamp after the primitive; 0 elements where it clamps.
    size_t clamped_count;
    float lo;
    float hi;
    // Taken and put back with atomic exchanges.
    execution *idle[IDLE_EXECUTIONS];
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

dnnl_status_t uq_plan_clamp(uq_plan *plan, float lo, float hi) {
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
        status = dnnl_primitive_attr_set_post_ops(plan->attributes, post_ops);
    }
    dnnl_post_ops_destroy(post_ops);
    return status;
}

dnnl_status_t uq_plan_begin(uq_plan *plan, const uq_dnn_engine *engine) {
    *plan = (uq_plan){.engine = engine};
    dnnl_status_t status = dnnl_primitive_attr_create(&plan->attributes);
    if (status == dnnl_success) {
        status =
            dnnl_primitive_attr_set_scratchpad_mode(plan->attributes, dnnl_scratchpad_mode_user);
    }
    // The default can be lowered to bfloat16 from the environment.
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_fpmath_mode(plan->attributes, dnnl_fpmath_mode_strict);
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
    made->clamped_count = plan->clamped_count;
    made->lo = plan->lo;
    made->hi = plan->hi;
    dnnl_status_t status = complete(made, plan, weights, bias);
    if (status != dnnl_success) {
        uq_dnn_op_destroy(made);
        return uq_status(status);
    }
    *op = made;
    return UQ_DNN_OK;
}

static void discard(execution *run) {
    for (int i = 0; i < run->lent_count; ++i) {
        dnnl_memory_destroy(run->lent[i]);
    }
    if (run->stream) {
        dnnl_stream_destroy(run->stream);
    }
    free(run);
}

void uq_dnn_op_destroy(uq_dnn_op *op) {
    if (!op) {
        return;
    }
    for (int i = 0; i < IDLE_EXECUTIONS; ++i) {
        if (op->idle[i]) {
            discard(op->idle[i]);
        }
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

size_t uq_dnn_op_scratch_bytes(const uq_dnn_op *op) { return op->scratch_bytes; }

uint64_t uq_dnn_op_weight_bytes(const uq_dnn_op *op) { return op->weight_bytes; }

static dnnl_status_t lend(execution *run, const uq_dnn_op *op, int role,
                          uq_descriptor_ref descriptor) {
    dnnl_memory_t memory;
    dnnl_status_t status =
        dnnl_memory_create(&memory, descriptor, op->engine->handle, DNNL_MEMORY_NONE);
    if (status == dnnl_success) {
        run->lent[run->lent_count++] = memory;
        run->arguments[run->arguments_count++] = (dnnl_exec_arg_t){role, memory};
    }
    return status;
}

static dnnl_status_t prepare(execution *run, const uq_dnn_op *op) {
    dnnl_status_t status =
        dnnl_stream_create(&run->stream, op->engine->handle, dnnl_stream_default_flags);
    if (status == dnnl_success) {
        status = lend(run, op, DNNL_ARG_SRC, op->src);
    }
    if (status == dnnl_success) {
        status = lend(run, op, DNNL_ARG_DST, op->dst);
    }
    if (status == dnnl_success && op->scratch_bytes > 0) {
        status = lend(run, op, DNNL_ARG_SCRATCHPAD, op->scratchpad);
    }
    if (status == dnnl_success && op->pair) {
        status = lend(run, op, DNNL_ARG_WEIGHTS, op->pair);
    }
    if (op->weights) {
        run->arguments[run->arguments_count++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, op->weights};
    }
    if (op->bias) {
        run->arguments[run->arguments_count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, op->bias};
    }
    return status;
}

// An execution left by an earlier call that no thread uses, or a new one.
static dnnl_status_t take(uq_dnn_op *op, execution **taken) {
    for (int i = 0; i < IDLE_EXECUTIONS; ++i) {
        *taken = __atomic_exchange_n(&op->idle[i], NULL, __ATOMIC_ACQUIRE);
        if (*taken) {
            return dnnl_success;
        }
    }
    execution *made = calloc(1, sizeof *made);
    if (!made) {
        return dnnl_out_of_memory;
    }
    dnnl_status_t status = prepare(made, op);
    if (status != dnnl_success) {
        discard(made);
        return status;
    }
    *taken = made;
    return dnnl_success;
}

static void put_back(uq_dnn_op *op, execution *run) {
    for (int i = 0; i < IDLE_EXECUTIONS; ++i) {
        execution *none = NULL;
        if (__atomic_compare_exchange_n(&op->idle[i], &none, run, 0, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
            return;
        }
    }
    discard(run);
}

static dnnl_status_t run_on(const uq_dnn_op *op, const execution *run, void *const data[4]) {
    for (int i = 0; i < run->lent_count; ++i) {
        dnnl_status_t status = dnnl_memory_set_data_handle(run->lent[i], data[i]);
        if (status != dnnl_success) {
            return status;
        }
    }
    dnnl_status_t status =
        dnnl_primitive_execute(op->primitive, run->stream, run->arguments_count, run->arguments);
    return status == dnnl_success ? dnnl_stream_wait(run->stream) : status;
}

static void clamp(float *values, size_t count, float lo, float hi) {
    for (size_t i = 0; i < count; ++i) {
        float value = values[i] > lo ? values[i] : lo;
        values[i] = value < hi ? value : hi;
    }
}

static int execute(uq_dnn_op *op, const float *src, const float *pair, float *dst,
                   void *scratchpad) {
    if (!src || !dst || !pair != !op->pair || (op->scratch_bytes > 0 && !scratchpad)) {
        return UQ_DNN_FAILED;
    }
    // In the order in which `prepare` lends them.
    void *data[4] = {handle(src), dst};
    int count = 2;
    if (op->scratch_bytes > 0) {
        data[count++] = scratchpad;
    }
    data[count] = handle(pair);

    int entered = uq_enter(op->engine);
    execution *run;
    dnnl_status_t status = take(op, &run);
    if (status == dnnl_success) {
        status = run_on(op, run, data);
        put_back(op, run);
    }
    uq_leave(op->engine, entered);
    if (status == dnnl_success && op->clamped_count > 0) {
        clamp(dst, op->clamped_count, op->lo, op->hi);
    }
    return uq_status(status);
}

int uq_dnn_op_execute(uq_dnn_op *op, const float *src, float *dst, void *scratchpad) {
    return execute(op, src, NULL, dst, scratchpad);
}

int uq_dnn_op_execute_pair(uq_dnn_op *op, const float *a, const float *b, float *dst,
                           void *scratchpad) {
    return execute(op, a, b, dst, scratchpad);
}
