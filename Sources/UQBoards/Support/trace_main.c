/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs an exported model on records of input bytes and writes its arena and outputs after every call that
 * the model's entry point makes.
 *
 * The model's files are compiled with -finstrument-functions, this one is not: the hooks below are then
 * called at the beginning and the end of each of their functions.
 */
#include "verify_model.h"

#include <stdio.h>

typedef struct {
    size_t offset, bytes;
} port;

static const port input_ports[MODEL_INPUT_COUNT] = MODEL_INPUT_PORTS;
static const port output_ports[MODEL_OUTPUT_COUNT] = MODEL_OUTPUT_PORTS;

#define ALIGNED __attribute__((aligned(MODEL_ALIGNMENT)))
static unsigned char input_memory[MODEL_INPUT_ROOM] ALIGNED;
static unsigned char output_memory[MODEL_OUTPUT_ROOM] ALIGNED;
static unsigned char arena[MODEL_ARENA_BYTES] ALIGNED;

static FILE *trace;
static unsigned depth;
static int failed;

void __cyg_profile_func_enter(void *function, void *site);
void __cyg_profile_func_exit(void *function, void *site);

void __cyg_profile_func_enter(void *function, void *site) {
    (void)function;
    (void)site;
    depth++;
}

void __cyg_profile_func_exit(void *function, void *site) {
    (void)function;
    (void)site;
    // The entry point is at depth 1, the kernels that it calls at 2.
    if (depth == 2) {
        failed |= fwrite(arena, 1, sizeof arena, trace) != sizeof arena;
        for (unsigned i = 0; i < MODEL_OUTPUT_COUNT; i++)
            failed |= fwrite(output_memory + output_ports[i].offset, 1, output_ports[i].bytes,
                             trace) != output_ports[i].bytes;
    }
    depth--;
}

static int run_records(const MODEL_INPUTS *in, const MODEL_OUTPUTS *out, FILE *records) {
    for (;;) {
        for (unsigned i = 0; i < MODEL_INPUT_COUNT; i++) {
            const port p = input_ports[i];
            const size_t got = fread(input_memory + p.offset, 1, p.bytes, records);
            if (got == 0 && i == 0)
                return 0;
            if (got != p.bytes)
                return 1;
        }
        for (size_t i = 0; i < sizeof arena; i++)
            arena[i] = 0xA5;
        if (MODEL_RUN(in, out, arena, MODEL_ARENA_BYTES) != 0)
            return 1;
    }
}

int main(void) {
    const void *inputs[MODEL_INPUT_COUNT];
    void *outputs[MODEL_OUTPUT_COUNT];
    for (unsigned i = 0; i < MODEL_INPUT_COUNT; i++)
        inputs[i] = input_memory + input_ports[i].offset;
    for (unsigned i = 0; i < MODEL_OUTPUT_COUNT; i++)
        outputs[i] = output_memory + output_ports[i].offset;
    const MODEL_INPUTS in = MODEL_INPUT_FIELDS(inputs);
    const MODEL_OUTPUTS out = MODEL_OUTPUT_FIELDS(outputs);

    FILE *const records = fopen("inputs", "rb");
    trace = fopen("trace", "wb");
    if (!records || !trace)
        return 1;
    failed |= run_records(&in, &out, records);
    failed |= fclose(trace) != 0;
    return failed | fclose(records);
}
