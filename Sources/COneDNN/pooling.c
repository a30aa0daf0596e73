/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

// Whether every window along one axis holds an element of the image. An average over none is a
// division by zero.
static bool windows_filled(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                           int64_t dilation, int64_t pad) {
    for (int64_t i = 0; i < out; ++i) {
        int64_t start = i * stride - pad;
        int64_t skipped = start < 0 ? (-start + dilation - 1) / dilation : 0;
        if (skipped >= kernel || start + skipped * dilation >= in) {
            return false;
        }
    }
    return true;
}

static bool fits(const uq_dnn_pooling *s) {
    const dnnl_dim_t src[] = {s->batch, s->in_h, s->in_w, s->channels};
    const dnnl_dim_t dst[] = {s->batch, s->out_h, s->out_w, s->channels};
    return uq_tensor_fits(src, 4) && uq_tensor_fits(dst, 4) &&
           windows_filled(s->in_h, s->out_h, s->kernel_h, s->stride_h, s->dilation_h, s->pad_top) &&
           windows_filled(s->in_w, s->out_w, s->kernel_w, s->stride_w, s->dilation_w, s->pad_left);
}

int uq_dnn_pooling_create(const uq_dnn_engine *engine, const uq_dnn_pooling *s, uq_dnn_op **op) {
    const dnnl_alg_kind_t kinds[] = {dnnl_pooling_max, dnnl_pooling_avg_include_padding,
                                     dnnl_pooling_avg_exclude_padding};
    const int32_t extents[][2] = {{s->kernel_h, s->dilation_h}, {s->kernel_w, s->dilation_w}};
    const int32_t strides[] = {s->stride_h, s->stride_w};
    const int32_t pads[] = {s->pad_top, s->pad_left, s->pad_bottom, s->pad_right};
    uq_window window;
    *op = NULL;
    if (s->kind < 0 || s->kind > UQ_DNN_POOL_AVERAGE_EXCLUDE_PADDING ||
        !uq_window_set(&window, extents, strides, pads) || !fits(s)) {
        return UQ_DNN_UNSUPPORTED;
    }

    int entered = uq_enter(engine);
    uq_plan plan;
    dnnl_status_t status = uq_plan_begin(&plan, engine);
    if (status == dnnl_success) {
        status = uq_descriptor_image(&plan.src, s->batch, s->channels, s->in_h, s->in_w);
    }
    if (status == dnnl_success) {
        status = uq_descriptor_image(&plan.dst, s->batch, s->channels, s->out_h, s->out_w);
    }
    dnnl_primitive_desc_t description;
    if (status == dnnl_success) {
        const uq_operands operands = {uq_descriptor_borrow(&plan.src), NULL, NULL,
                                      uq_descriptor_borrow(&plan.dst)};
        status = uq_describe_pooling(&description, engine->handle, kinds[s->kind], &operands,
                                     &window, plan.attributes);
    }
    int result = status == dnnl_success ? uq_op_create(&plan, description, NULL, NULL, op)
                                        : uq_status(status);
    uq_plan_end(&plan);
    uq_leave(engine, entered);
    return result;
}
