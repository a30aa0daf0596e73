/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

// A dense matrix [rows, columns], one per batch entry; transposed: stored [columns, rows].
static dnnl_status_t matrices(uq_descriptor *descriptor, int32_t batch, int32_t rows,
                              int32_t columns, int32_t transposed) {
    const int order[2][3] = {{0, 1, 2}, {0, 2, 1}};
    dnnl_dims_t dims = {batch, rows, columns};
    dnnl_dims_t strides;
    uq_dense_strides(3, dims, order[transposed != 0], strides);
    return uq_descriptor_strided(descriptor, 3, dims, strides);
}

static dnnl_status_t matrix(uq_descriptor *descriptor, int32_t rows, int32_t columns) {
    dnnl_dims_t dims = {rows, columns};
    dnnl_dims_t strides = {columns, 1};
    return uq_descriptor_strided(descriptor, 2, dims, strides);
}

static dnnl_status_t plan_inner_product(uq_plan *plan, const uq_dnn_inner_product *s, bool biased) {
    dnnl_dims_t dims = {s->out_c, s->in_c};
    dnnl_status_t status = matrix(&plan->src, s->batch, s->in_c);
    if (status == dnnl_success) {
        status = matrix(&plan->dst, s->batch, s->out_c);
    }
    if (status == dnnl_success) {
        status = matrix(&plan->weights, s->out_c, s->in_c);
    }
    if (status == dnnl_success) {
        status = uq_descriptor_any(&plan->weights_any, 2, dims);
    }
    if (status == dnnl_success && biased) {
        dnnl_dims_t strides = {1};
        status = uq_descriptor_strided(&plan->bias, 1, dims, strides);
    }
    return status;
}

int uq_dnn_inner_product_create(const uq_dnn_engine *engine, const uq_dnn_inner_product *s,
                                const float *weights, const float *bias, float lo, float hi,
                                uq_dnn_op **op) {
    const dnnl_dim_t sizes[] = {s->batch, s->in_c, s->out_c};
    const dnnl_dim_t dst[] = {s->batch, s->out_c};
    *op = NULL;
    if (!weights || !uq_tensor_fits(sizes, 2) || !uq_tensor_fits(sizes + 1, 2) ||
        !uq_tensor_fits(dst, 2)) {
        return UQ_DNN_UNSUPPORTED;
    }

    int entered = uq_enter(engine);
    uq_plan plan;
    dnnl_status_t status = uq_plan_begin(&plan, engine);
    if (status == dnnl_success) {
        status = uq_plan_clamp(&plan, lo, hi);
    }
    if (status == dnnl_success) {
        status = plan_inner_product(&plan, s, bias != NULL);
    }
    dnnl_primitive_desc_t description;
    if (status == dnnl_success) {
        const uq_operands operands = {
            uq_descriptor_borrow(&plan.src), uq_descriptor_borrow(&plan.weights_any),
            bias ? uq_descriptor_borrow(&plan.bias) : NULL, uq_descriptor_borrow(&plan.dst)};
        status =
            uq_describe_inner_product(&description, engine->handle, &operands, plan.attributes);
    }
    int result = status == dnnl_success ? uq_op_create(&plan, description, weights, bias, op)
                                        : uq_status(status);
    uq_plan_end(&plan);
    uq_leave(engine, entered);
    return result;
}

int uq_dnn_matmul_create(const uq_dnn_engine *engine, const uq_dnn_matmul *s, uq_dnn_op **op) {
    const dnnl_dim_t a[] = {s->a_batch, s->m, s->k};
    const dnnl_dim_t b[] = {s->b_batch, s->k, s->n};
    const dnnl_dim_t dst[] = {s->batch, s->m, s->n};
    *op = NULL;
    if (!uq_tensor_fits(a, 3) || !uq_tensor_fits(b, 3) || !uq_tensor_fits(dst, 3) ||
        (s->a_batch != 1 && s->a_batch != s->batch) ||
        (s->b_batch != 1 && s->b_batch != s->batch)) {
        return UQ_DNN_UNSUPPORTED;
    }

    int entered = uq_enter(engine);
    uq_plan plan;
    dnnl_status_t status = uq_plan_begin(&plan, engine);
    plan.pair = true;
    if (status == dnnl_success) {
        status = matrices(&plan.src, s->a_batch, s->m, s->k, s->a_transposed);
    }
    if (status == dnnl_success) {
        status = matrices(&plan.weights, s->b_batch, s->k, s->n, s->b_transposed);
    }
    if (status == dnnl_success) {
        status = matrices(&plan.dst, s->batch, s->m, s->n, 0);
    }
    dnnl_primitive_desc_t description;
    if (status == dnnl_success) {
        const uq_operands operands = {uq_descriptor_borrow(&plan.src),
                                      uq_descriptor_borrow(&plan.weights), NULL,
                                      uq_descriptor_borrow(&plan.dst)};
        status = uq_describe_matmul(&description, engine->handle, &operands, plan.attributes);
    }
    int result = status == dnnl_success ? uq_op_create(&plan, description, NULL, NULL, op)
                                        : uq_status(status);
    uq_plan_end(&plan);
    uq_leave(engine, entered);
    return result;
}
