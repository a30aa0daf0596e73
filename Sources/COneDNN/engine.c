/* SPDX-License-Identifier: Apache-2.0 */

// For RTLD_DEFAULT.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"

static char version_text[48];

static void write_version(void) {
    const dnnl_version_t *version = dnnl_version();
    snprintf(version_text, sizeof version_text, "%d.%d.%d", version->major, version->minor,
             version->patch);
}

const char *uq_dnn_version(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, write_version);
    return version_text;
}

int uq_dnn_single_threaded(void) {
    switch (dnnl_version()->cpu_runtime) {
    case DNNL_RUNTIME_SEQ:
        return 1;
    case DNNL_RUNTIME_OMP:
        return dlsym(RTLD_DEFAULT, "omp_set_num_threads") != NULL;
    default:
        return 0;
    }
}

static int limited;

// Wider vectors and other accumulators round differently, so that calibrations and roundings would
// depend on the processor. The variable ONEDNN_MAX_CPU_ISA gives way to this.
static void limit_instruction_set(void) {
    limited = dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2) == dnnl_success;
}

int uq_dnn_same_on_all_processors(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, limit_instruction_set);
    return limited && dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_avx2;
}

uq_dnn_engine *uq_dnn_engine_create(void) {
    (void)uq_dnn_same_on_all_processors();
    // Its memory would have to come from SYCL's allocator.
    if (dnnl_version()->cpu_runtime == DNNL_RUNTIME_SYCL) {
        return NULL;
    }
    uq_dnn_engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        return NULL;
    }
    if (dnnl_engine_create(&engine->handle, dnnl_cpu, 0) != dnnl_success) {
        free(engine);
        return NULL;
    }
    // Looked up in the process rather than linked: which OpenMP library oneDNN was built on, or
    // whether on any, is known only here. C has no cast from an object to a function pointer.
    void *set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    void *get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    if (set && get) {
        memcpy(&engine->set_threads, &set, sizeof set);
        memcpy(&engine->get_threads, &get, sizeof get);
    }
    return engine;
}

void uq_dnn_engine_destroy(uq_dnn_engine *engine) {
    if (engine) {
        dnnl_engine_destroy(engine->handle);
        free(engine);
    }
}

int uq_enter(const uq_dnn_engine *engine) {
    if (!engine->set_threads) {
        return 1;
    }
    int before = engine->get_threads();
    if (before != 1) {
        engine->set_threads(1);
    }
    return before;
}

void uq_leave(const uq_dnn_engine *engine, int entered) {
    if (engine->set_threads && entered != 1) {
        engine->set_threads(entered);
    }
}
