/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

#include <math.h>

typedef dnnl_status_t describe_function(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                        const uq_operands *operands, const uq_window *window,
                                        const_dnnl_primitive_attr_t attributes);

typedef dnnl_status_t clamp_function(uq_plan *plan, const uq_dnn_convolution *s, float lo,
                                     float hi);

static dnnl_status_t clamp_inside(uq_plan *plan, const uq_dnn_convolution *s, float lo, float hi) {
    (void)s;
    return uq_plan_clamp(plan, lo, hi);
}

// Post-operations turn the transposed convolution of oneDNN 2 into its reference, up to eight times
// slower than a pass over the result.
static dnnl_status_t clamp_after(uq_plan *plan, const uq_dnn_convolution *s, float lo, float hi) {
    if (!(lo <= hi)) {
        return dnnl_invalid_arguments;
    }
    if (lo != -INFINITY || hi != INFINITY) {
        plan->clamped_count =
            (size_t)s->batch * (size_t)s->out_h * (size_t)s->out_w * (size_t)s->out_c;
        plan->lo = lo;
        plan->hi = hi;
    }
    return dnnl_success;
}

static bool fits(const uq_dnn_convolution *s) {
    const dnnl_dim_t src[] = {s->batch, s->in_h, s->in_w, s->in_c};
    const dnnl_dim_t dst[] = {s->batch, s->out_h, s->out_w, s->out_c};
    if (s->groups < 1 || s->in_c % s->groups != 0 || s->out_c % s->groups != 0) {
        return false;
    }
    const dnnl_dim_t weights[] = {s->out_c, s->kernel_h, s->kernel_w, s->in_c / s->groups};
    return uq_tensor_fits(src, 4) && uq_tensor_fits(dst, 4) && uq_tensor_fits(weights, 4);
}

// Weights [O][kh][kw][I / groups], seen as [groups, O / groups, I / groups, kh, kw]; without the
// first axis where there is one group.
static dnnl_status_t plan_weights(uq_plan *plan, const uq_dnn_convolution *s) {
    const int order[5] = {0, 1, 3, 4, 2};
    dnnl_dims_t dims = {s->groups, s->out_c / s->groups, s->in_c / s->groups, s->kernel_h,
                        s->kernel_w};
    dnnl_dims_t strides;
    uq_dense_strides(5, dims, order, strides);
    int skipped = s->groups == 1 ? 1 : 0;
    dnnl_status_t status =
        uq_descriptor_strided(&plan->weights, 5 - skipped, dims + skipped, strides + skipped);
    if (status == dnnl_success) {
        status = uq_descriptor_any(&plan->weights_any, 5 - skipped, dims + skipped);
    }
    return status;
}

static dnnl_status_t plan_operands(uq_plan *plan, const uq_dnn_convolution *s, bool biased) {
    dnnl_status_t status = uq_descriptor_image(&plan->src, s->batch, s->in_c, s->in_h, s->in_w);
    if (status == dnnl_success) {
        status = uq_descriptor_image(&plan->dst, s->batch, s->out_c, s->out_h, s->out_w);
    }
    if (status == dnnl_success) {
        status = plan_weights(plan, s);
    }
    if (status == dnnl_success && biased) {
        dnnl_dims_t dims = {s->out_c};
        dnnl_dims_t strides = {1};
        status = uq_descriptor_strided(&plan->bias, 1, dims, strides);
    }
    return status;
}

static int create(describe_function *describe, clamp_function *clamp, const uq_dnn_engine *engine,
                  const uq_dnn_convolution *s, const float *weights, const float *bias, float lo,
                  float hi, uq_dnn_op **op) {
    const int32_t extents[][2] = {{s->kernel_h, s->dilation_h}, {s->kernel_w, s->dilation_w}};
    const int32_t strides[] = {s->stride_h, s->stride_w};
    const int32_t pads[] = {s->pad_top, s->pad_left, s->pad_bottom, s->pad_right};
    uq_window window;
    *op = NULL;
    if (!weights || !fits(s) || !uq_window_set(&window, extents, strides, pads)) {
        return UQ_DNN_UNSUPPORTED;
    }

    int entered = uq_enter(engine);
    uq_plan plan;
    dnnl_status_t status = uq_plan_begin(&plan, engine);
    if (status == dnnl_success) {
        status = clamp(&plan, s, lo, hi);
    }
    if (status == dnnl_success) {
        status = plan_operands(&plan, s, bias != NULL);
    }
    dnnl_primitive_desc_t description;
    if (status == dnnl_success) {
        const uq_operands operands = {
            uq_descriptor_borrow(&plan.src), uq_descriptor_borrow(&plan.weights_any),
            bias ? uq_descriptor_borrow(&plan.bias) : NULL, uq_descriptor_borrow(&plan.dst)};
        status = describe(&description, engine->handle, &operands, &window, plan.attributes);
    }
    int result = status == dnnl_success ? uq_op_create(&plan, description, weights, bias, op)
                                        : uq_status(status);
    uq_plan_end(&plan);
    uq_leave(engine, entered);
    return result;
}

int uq_dnn_convolution_create(const uq_dnn_engine *engine, const uq_dnn_convolution *shape,
                              const float *weights, const float *bias, float lo, float hi,
                              uq_dnn_op **op) {
    return create(uq_describe_convolution, clamp_inside, engine, shape, weights, bias, lo, hi, op);
}

int uq_dnn_transposed_convolution_create(const uq_dnn_engine *engine,
                                         const uq_dnn_convolution *shape, const float *weights,
                                         const float *bias, float lo, float hi, uq_dnn_op **op) {
    return create(uq_describe_transposed_convolution, clamp_after, engine, shape, weights, bias, lo,
                  hi, op);
}
