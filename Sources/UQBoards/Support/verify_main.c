/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs an exported model on records of input bytes and writes its output bytes.
 *
 * A record is all inputs in the model's order without gaps; so is a record of outputs. Around every
 * piece of memory that the model is given lies a margin that it must leave alone. Arena and outputs
 * hold other bytes before each run, so that reading what was never written shows as a difference.
 * After the last record the model must refuse an arena that is one byte short, and null pointers.
 *
 * The generated verify_model.h includes the model's header and defines
 *
 *     MODEL_RUN, MODEL_INPUTS, MODEL_OUTPUTS   the function, the types of its arguments
 *     MODEL_ARENA_BYTES, MODEL_ALIGNMENT       the alignment is at least 64
 *     MODEL_INPUT_COUNT, MODEL_OUTPUT_COUNT
 *     MODEL_INPUT_PORTS, MODEL_OUTPUT_PORTS    initialisers of arrays of port
 *     MODEL_INPUT_ROOM, MODEL_OUTPUT_ROOM      bytes of memory for all ports and their margins
 *     MODEL_INPUT_FIELDS(p), MODEL_OUTPUT_FIELDS(p)   initialisers of the arguments from pointers
 */
#include "verify_io.h"
#include "verify_model.h"

enum { MARGIN_BYTE = 0xC3 };

typedef struct {
    size_t offset, bytes;
} port;

static const port input_ports[MODEL_INPUT_COUNT] = MODEL_INPUT_PORTS;
static const port output_ports[MODEL_OUTPUT_COUNT] = MODEL_OUTPUT_PORTS;

#define ALIGNED __attribute__((aligned(MODEL_ALIGNMENT)))
static unsigned char input_memory[MODEL_INPUT_ROOM] ALIGNED;
static unsigned char output_memory[MODEL_OUTPUT_ROOM] ALIGNED;
static unsigned char arena_memory[MODEL_ALIGNMENT + MODEL_ARENA_BYTES + MODEL_ALIGNMENT] ALIGNED;

static unsigned char *const arena = arena_memory + MODEL_ALIGNMENT;
static unsigned char *const arena_end = arena_memory + MODEL_ALIGNMENT + MODEL_ARENA_BYTES;

static void fill(unsigned char *memory, size_t bytes, unsigned char byte) {
    for (size_t i = 0; i < bytes; i++)
        memory[i] = byte;
}

// The number of bytes in front of the first one that is not a margin's, or `bytes`.
static size_t intact(const unsigned char *memory, size_t bytes) {
    size_t i = 0;
    while (i < bytes && memory[i] == MARGIN_BYTE)
        i++;
    return i;
}

static uint32_t digest(const unsigned char *memory, size_t bytes) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ memory[i]) * 16777619u;
    return hash;
}

__attribute__((noinline)) static uq_status run(const MODEL_INPUTS *in, const MODEL_OUTPUTS *out,
                                               uint32_t sample) {
    if (sample == 0)
        stack_fill();
    measure_begin();
    const uq_status status = MODEL_RUN(in, out, arena, MODEL_ARENA_BYTES);
    measure_end();
    if (sample == 0)
        verify_report("stack", sample, stack_used());
    return status;
}

// Reports the first margin of a set of ports that was written to.
static int margins_written(const port *ports, unsigned count, const unsigned char *memory,
                           size_t room, uint32_t sample) {
    size_t end = 0;
    for (unsigned i = 0; i <= count; i++) {
        const size_t next = i < count ? ports[i].offset : room;
        if (intact(memory + end, next - end) < next - end) {
            verify_report("output-margin", sample, i < count ? i : count - 1u);
            return 1;
        }
        end = i < count ? ports[i].offset + ports[i].bytes : room;
    }
    return 0;
}

static int run_record(const MODEL_INPUTS *in, const MODEL_OUTPUTS *out, uint32_t sample) {
    const unsigned char before = (sample & 1u) != 0u ? 0x5A : 0xA5;
    fill(arena_memory, sizeof arena_memory, MARGIN_BYTE);
    fill(arena, MODEL_ARENA_BYTES, before);
    fill(output_memory, sizeof output_memory, MARGIN_BYTE);
    for (unsigned i = 0; i < MODEL_OUTPUT_COUNT; i++)
        fill(output_memory + output_ports[i].offset, output_ports[i].bytes, before);
    const uint32_t inputs = digest(input_memory, sizeof input_memory);

    verify_forbid(arena_memory, MODEL_ALIGNMENT);
    verify_forbid(arena_end, MODEL_ALIGNMENT);
    const uq_status status = run(in, out, sample);
    verify_allow(arena_memory, sizeof arena_memory);

    if (status != 0) {
        verify_report("status", sample, (uint32_t)status);
        return 1;
    }
    const size_t below = intact(arena_memory, MODEL_ALIGNMENT);
    if (below < MODEL_ALIGNMENT) {
        verify_report("arena-underrun", sample, (uint32_t)(MODEL_ALIGNMENT - below));
        return 1;
    }
    const size_t above = intact(arena_end, MODEL_ALIGNMENT);
    if (above < MODEL_ALIGNMENT) {
        verify_report("arena-overrun", sample, (uint32_t)above);
        return 1;
    }
    if (digest(input_memory, sizeof input_memory) != inputs) {
        verify_report("input-written", sample, 0);
        return 1;
    }
    return margins_written(output_ports, MODEL_OUTPUT_COUNT, output_memory, sizeof output_memory,
                           sample);
}

// Returns how many records were run, or -1.
static int32_t run_records(const MODEL_INPUTS *in, const MODEL_OUTPUTS *out) {
    for (uint32_t sample = 0;; sample++) {
        for (unsigned i = 0; i < MODEL_INPUT_COUNT; i++) {
            const port p = input_ports[i];
            const size_t got = verify_read(input_memory + p.offset, p.bytes);
            if (got == 0 && i == 0)
                return (int32_t)sample;
            if (got != p.bytes) {
                verify_report("file", sample, 0);
                return -1;
            }
        }
        if (run_record(in, out, sample) != 0)
            return -1;
        for (unsigned i = 0; i < MODEL_OUTPUT_COUNT; i++)
            if (verify_write(output_memory + output_ports[i].offset, output_ports[i].bytes) != 0) {
                verify_report("file", sample, 1);
                return -1;
            }
    }
}

static int accepted(const char *what, uint32_t sample, uint32_t value, uq_status status) {
    if (status == 0)
        verify_report(what, sample, value);
    return status == 0;
}

// Reports every wrong call that the model does not refuse.
static int refusals_missing(const void **inputs, void **outputs, uint32_t sample) {
    const MODEL_INPUTS in = MODEL_INPUT_FIELDS(inputs);
    const MODEL_OUTPUTS out = MODEL_OUTPUT_FIELDS(outputs);
    int missing = 0;
#if MODEL_ARENA_BYTES > 0
    missing |= accepted("arena-short", sample, MODEL_ARENA_BYTES - 1u,
                        MODEL_RUN(&in, &out, arena, MODEL_ARENA_BYTES - 1u));
    missing |= accepted("arena-null", sample, 0, MODEL_RUN(&in, &out, NULL, MODEL_ARENA_BYTES));
#endif
    missing |= accepted("inputs-null", sample, 0, MODEL_RUN(NULL, &out, arena, MODEL_ARENA_BYTES));
    missing |= accepted("outputs-null", sample, 0, MODEL_RUN(&in, NULL, arena, MODEL_ARENA_BYTES));
    for (unsigned i = 0; i < MODEL_INPUT_COUNT; i++) {
        const void *kept = inputs[i];
        inputs[i] = NULL;
        const MODEL_INPUTS gap = MODEL_INPUT_FIELDS(inputs);
        missing |= accepted("input-null", sample, i, MODEL_RUN(&gap, &out, arena, MODEL_ARENA_BYTES));
        inputs[i] = kept;
    }
    for (unsigned i = 0; i < MODEL_OUTPUT_COUNT; i++) {
        void *kept = outputs[i];
        outputs[i] = NULL;
        const MODEL_OUTPUTS gap = MODEL_OUTPUT_FIELDS(outputs);
        missing |= accepted("output-null", sample, i, MODEL_RUN(&in, &gap, arena, MODEL_ARENA_BYTES));
        outputs[i] = kept;
    }
    return missing;
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

    if (verify_open() != 0) {
        verify_report("file", 0, 0);
        return 1;
    }
    fill(input_memory, sizeof input_memory, MARGIN_BYTE);
    const int32_t samples = run_records(&in, &out);
    if (samples < 0)
        return 1;
    if (verify_close() != 0) {
        verify_report("file", (uint32_t)samples, 1);
        return 1;
    }
    return refusals_missing(inputs, outputs, (uint32_t)samples) ? 1 : 0;
}
