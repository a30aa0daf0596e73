/* SPDX-License-Identifier: Apache-2.0 */
#include "versions.h"

#if DNNL_VERSION_MAJOR >= 3

dnnl_status_t uq_descriptor_strided(uq_descriptor *descriptor, int rank, const dnnl_dims_t dims,
                                    const dnnl_dims_t strides) {
    return dnnl_memory_desc_create_with_strides(descriptor, rank, dims, dnnl_f32, strides);
}

dnnl_status_t uq_descriptor_any(uq_descriptor *descriptor, int rank, const dnnl_dims_t dims) {
    return dnnl_memory_desc_create_with_tag(descriptor, rank, dims, dnnl_f32, dnnl_format_tag_any);
}

void uq_descriptor_destroy(uq_descriptor *descriptor) {
    if (*descriptor) {
        dnnl_memory_desc_destroy(*descriptor);
        *descriptor = NULL;
    }
}

dnnl_status_t uq_describe_convolution(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                      const uq_operands *operands, const uq_window *window,
                                      const_dnnl_primitive_attr_t attributes) {
    return dnnl_convolution_forward_primitive_desc_create(
        result, engine, dnnl_forward_inference, dnnl_convolution_direct, operands->src,
        operands->weights, operands->bias, operands->dst, window->strides, window->dilations,
        window->pads_before, window->pads_after, attributes);
}

dnnl_status_t uq_describe_transposed_convolution(dnnl_primitive_desc_t *result,
                                                 dnnl_engine_t engine, const uq_operands *operands,
                                                 const uq_window *window,
                                                 const_dnnl_primitive_attr_t attributes) {
    return dnnl_deconvolution_forward_primitive_desc_create(
        result, engine, dnnl_forward_inference, dnnl_deconvolution_direct, operands->src,
        operands->weights, operands->bias, operands->dst, window->strides, window->dilations,
        window->pads_before, window->pads_after, attributes);
}

dnnl_status_t uq_describe_inner_product(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                        const uq_operands *operands,
                                        const_dnnl_primitive_attr_t attributes) {
    return dnnl_inner_product_forward_primitive_desc_create(
        result, engine, dnnl_forward_inference, operands->src, operands->weights, operands->bias,
        operands->dst, attributes);
}

dnnl_status_t uq_describe_matmul(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                 const uq_operands *operands,
                                 const_dnnl_primitive_attr_t attributes) {
    return dnnl_matmul_primitive_desc_create(result, engine, operands->src, operands->weights,
                                             operands->bias, operands->dst, attributes);
}

dnnl_status_t uq_describe_pooling(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                  dnnl_alg_kind_t kind, const uq_operands *operands,
                                  const uq_window *window, const_dnnl_primitive_attr_t attributes) {
    return dnnl_pooling_forward_primitive_desc_create(
        result, engine, dnnl_forward_inference, kind, operands->src, operands->dst, window->strides,
        window->kernel, window->dilations, window->pads_before, window->pads_after, attributes);
}

dnnl_status_t uq_append_eltwise(dnnl_post_ops_t post_ops, dnnl_alg_kind_t kind, float alpha,
                                float beta) {
    return dnnl_post_ops_append_eltwise(post_ops, kind, alpha, beta);
}

#else

dnnl_status_t uq_descriptor_strided(uq_descriptor *descriptor, int rank, const dnnl_dims_t dims,
                                    const dnnl_dims_t strides) {
    return dnnl_memory_desc_init_by_strides(descriptor, rank, dims, dnnl_f32, strides);
}

dnnl_status_t uq_descriptor_any(uq_descriptor *descriptor, int rank, const dnnl_dims_t dims) {
    return dnnl_memory_desc_init_by_tag(descriptor, rank, dims, dnnl_f32, dnnl_format_tag_any);
}

void uq_descriptor_destroy(uq_descriptor *descriptor) { (void)descriptor; }

dnnl_status_t uq_describe_convolution(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                      const uq_operands *operands, const uq_window *window,
                                      const_dnnl_primitive_attr_t attributes) {
    dnnl_convolution_desc_t operation;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_convolution_direct, operands->src,
        operands->weights, operands->bias, operands->dst, window->strides, window->dilations,
        window->pads_before, window->pads_after);
    if (status != dnnl_success) {
        return status;
    }
    return dnnl_primitive_desc_create(result, &operation, attributes, engine, NULL);
}

dnnl_status_t uq_describe_transposed_convolution(dnnl_primitive_desc_t *result,
                                                 dnnl_engine_t engine, const uq_operands *operands,
                                                 const uq_window *window,
                                                 const_dnnl_primitive_attr_t attributes) {
    dnnl_deconvolution_desc_t operation;
    dnnl_status_t status = dnnl_dilated_deconvolution_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_deconvolution_direct, operands->src,
        operands->weights, operands->bias, operands->dst, window->strides, window->dilations,
        window->pads_before, window->pads_after);
    if (status != dnnl_success) {
        return status;
    }
    return dnnl_primitive_desc_create(result, &operation, attributes, engine, NULL);
}

dnnl_status_t uq_describe_inner_product(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                        const uq_operands *operands,
                                        const_dnnl_primitive_attr_t attributes) {
    dnnl_inner_product_desc_t operation;
    dnnl_status_t status =
        dnnl_inner_product_forward_desc_init(&operation, dnnl_forward_inference, operands->src,
                                             operands->weights, operands->bias, operands->dst);
    if (status != dnnl_success) {
        return status;
    }
    return dnnl_primitive_desc_create(result, &operation, attributes, engine, NULL);
}

dnnl_status_t uq_describe_matmul(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                 const uq_operands *operands,
                                 const_dnnl_primitive_attr_t attributes) {
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(&operation, operands->src, operands->weights,
                                                 operands->bias, operands->dst);
    if (status != dnnl_success) {
        return status;
    }
    return dnnl_primitive_desc_create(result, &operation, attributes, engine, NULL);
}

dnnl_status_t uq_describe_pooling(dnnl_primitive_desc_t *result, dnnl_engine_t engine,
                                  dnnl_alg_kind_t kind, const uq_operands *operands,
                                  const uq_window *window, const_dnnl_primitive_attr_t attributes) {
    dnnl_pooling_v2_desc_t operation;
    dnnl_status_t status = dnnl_pooling_v2_forward_desc_init(
        &operation, dnnl_forward_inference, kind, operands->src, operands->dst, window->strides,
        window->kernel, window->dilations, window->pads_before, window->pads_after);
    if (status != dnnl_success) {
        return status;
    }
    return dnnl_primitive_desc_create(result, &operation, attributes, engine, NULL);
}

dnnl_status_t uq_append_eltwise(dnnl_post_ops_t post_ops, dnnl_alg_kind_t kind, float alpha,
                                float beta) {
    return dnnl_post_ops_append_eltwise(post_ops, 1.0f, kind, alpha, beta);
}

#endif
