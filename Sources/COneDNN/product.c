/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

int uq_dnn_multiply(const uq_dnn_engine *engine, const uq_dnn_product *s, const float *a,
                    const float *b, float *c) {
    if (s->m < 1 || s->n < 1 || s->k < 1) {
        return UQ_DNN_UNSUPPORTED;
    }
    int entered = uq_enter(engine);
    dnnl_status_t status =
        dnnl_sgemm(s->a_transposed ? 'T' : 'N', s->b_transposed ? 'T' : 'N', s->m, s->n, s->k, 1.0f,
                   a, s->a_stride, b, s->b_stride, s->accumulates ? 1.0f : 0.0f, c, s->c_stride);
    uq_leave(engine, entered);
    return uq_status(status);
}
