/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emulates an AVR board with simavr's processor and QEMU's command line.
 *
 *     cc -O2 -std=c99 -rdynamic -o avr_board avr_board.c -lsimavr -ldl
 *     ./avr_board -kernel program.elf -plugin ./count.so,ARGUMENT=VALUE,...
 *
 * simavr has no chip whose flash can be read as data, so the board is made of its ATmega1284
 * processor, 64 KB of data memory, and a copy of the last 32 KB of flash from 0x8000 on, as on an
 * AVR128DA48. A program that writes there fails: it would have no effect on the chip.
 *
 * BREAK is a semihosting call as Arm's specification has it, with words of 16 bits: the operation in
 * r25:r24, the address of the argument block in r23:r22, the result in r25:r24. Known are SYS_OPEN
 * (binary, reading or writing), SYS_CLOSE, SYS_WRITE0, SYS_WRITE, SYS_READ and SYS_EXIT_EXTENDED.
 * What the processor cannot execute is reported as `exception`, with status 120.
 *
 * The part of QEMU's plugin interface that count_plugin.c uses is offered, version 1. A block of
 * translated code is one instruction. Loads and stores are those of instructions that name a
 * register: LD, LDS, POP, LPM and ST, STS, PUSH.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <simavr/sim_avr.h>

enum {
    FLASH_BYTES = 128 * 1024,
    WINDOW_BYTES = 32 * 1024,
    WINDOW = 0x8000,
    LAST_ADDRESS = 0xFFFF,
    EXCEPTION_STATUS = 120,
    MOST_CALLBACKS = 4,
    MOST_COUNTERS = 2,
    BREAK = 0x9598
};

typedef void execute_callback(unsigned cpu, void *data);
typedef void memory_callback(unsigned cpu, uint32_t info, uint64_t address, void *data);
typedef enum { NO_ACCESS, LOAD, STORE } access;

// What plugins asked for at one instruction.
typedef struct qemu_plugin_insn {
    uint64_t address;
    bool translated;
    access memory;
    unsigned callback_count, counter_count;
    struct {
        execute_callback *call;
        void *data;
    } callbacks[MOST_CALLBACKS];
    struct {
        uint64_t *value;
        uint64_t amount;
    } counters[MOST_COUNTERS];
    memory_callback *on_memory;
    void *memory_data;
} instruction;

struct qemu_plugin_tb {
    instruction *only;
};

static avr_t *avr;
static instruction instructions[FLASH_BYTES / 2];
static void (*on_translation)(uint64_t id, struct qemu_plugin_tb *block);
static void (*on_end)(uint64_t id, void *data);
static void *end_data;

// A host's file for each handle.
static FILE *files[16];

#define EXPORT __attribute__((visibility("default")))

EXPORT void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                                  void (*callback)(uint64_t id,
                                                                   struct qemu_plugin_tb *block)) {
    (void)id;
    on_translation = callback;
}

EXPORT size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block) {
    (void)block;
    return 1;
}

EXPORT struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block,
                                                        size_t index) {
    (void)index;
    return block->only;
}

EXPORT uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *at) { return at->address; }

static void fail(const char *what, const char *about) {
    fprintf(stderr, "avr_board: %s: %s\n", about, what);
    exit(1);
}

EXPORT void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *at,
                                                   execute_callback *callback, int flags,
                                                   void *data) {
    (void)flags;
    if (at->callback_count == MOST_CALLBACKS)
        fail("too many callbacks at an instruction", "plugin");
    at->callbacks[at->callback_count].call = callback;
    at->callbacks[at->callback_count++].data = data;
}

EXPORT void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *at, int operation,
                                                       void *counter, uint64_t amount) {
    (void)operation;
    if (at->counter_count == MOST_COUNTERS)
        fail("too many counters at an instruction", "plugin");
    at->counters[at->counter_count].value = counter;
    at->counters[at->counter_count++].amount = amount;
}

EXPORT void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *at, memory_callback *callback,
                                             int flags, int accesses, void *data) {
    (void)flags;
    (void)accesses;
    at->on_memory = callback;
    at->memory_data = data;
}

EXPORT bool qemu_plugin_mem_is_store(uint32_t info) { return info != 0; }

EXPORT void qemu_plugin_register_atexit_cb(uint64_t id, void (*callback)(uint64_t id, void *data),
                                           void *data) {
    (void)id;
    on_end = callback;
    end_data = data;
}

static unsigned word_at(const uint8_t *bytes) { return bytes[0] | (unsigned)bytes[1] << 8; }

static uint32_t long_at(const uint8_t *bytes) {
    return word_at(bytes) | (uint32_t)word_at(bytes + 2) << 16;
}

static access access_of(unsigned code) {
    const bool is_store = (code & 0x0200u) != 0;
    if ((code & 0xD000u) == 0x8000u) // LDD and STD with displacement
        return is_store ? STORE : LOAD;
    if ((code & 0xFC00u) != 0x9000u)
        return code == 0x95C8u ? LOAD : NO_ACCESS; // LPM without operands
    switch (code & 0xFu) {
    case 0x4: // LPM; among stores: XCH
    case 0x5:
    case 0x0: // LDS, STS
    case 0x1:
    case 0x2: // Z+, -Z
    case 0x9: // Y+, -Y
    case 0xA:
    case 0xC: // X, X+, -X
    case 0xD:
    case 0xE:
    case 0xF: // POP, PUSH
        return is_store ? STORE : LOAD;
    default:
        return NO_ACCESS;
    }
}

// Ends the emulation as QEMU does.
static void finish(int status) {
    const uint8_t *const window = avr->flash + FLASH_BYTES - WINDOW_BYTES;
    if (memcmp(avr->data + WINDOW, window, WINDOW_BYTES) != 0) {
        fprintf(stderr, "exception flash was written to\n");
        status = EXCEPTION_STATUS;
    }
    if (on_end)
        on_end(0, end_data);
    fflush(stdout);
    exit(status);
}

static int open_file(const char *path, unsigned mode) {
    for (int handle = 1; handle < (int)(sizeof files / sizeof files[0]); handle++) {
        if (files[handle])
            continue;
        files[handle] = fopen(path, mode < 4u ? "rb" : "wb");
        return files[handle] ? handle : -1;
    }
    return -1;
}

static int semihosting(unsigned operation, unsigned address) {
    const uint8_t *const block = avr->data + address;
    // A block may not reach beyond the memory.
    if (address > LAST_ADDRESS - 5u)
        return -1;
    const unsigned first = word_at(block), second = word_at(block + 2), third = word_at(block + 4);
    FILE *const file = first < sizeof files / sizeof files[0] ? files[first] : NULL;
    const bool fits = second + third <= LAST_ADDRESS;
    switch (operation) {
    case 0x01:
        return memchr(avr->data + first, 0, LAST_ADDRESS - first)
                   ? open_file((const char *)avr->data + first, second)
                   : -1;
    case 0x02:
        if (!file)
            return -1;
        files[first] = NULL;
        return fclose(file) == 0 ? 0 : -1;
    case 0x04:
        fprintf(stderr, "%.*s", (int)(LAST_ADDRESS - address), (const char *)block);
        return 0;
    case 0x05:
        return file && fits ? (int)(third - fwrite(avr->data + second, 1, third, file))
                            : (int)third;
    case 0x06:
        return file && fits ? (int)(third - fread(avr->data + second, 1, third, file)) : (int)third;
    case 0x20:
        finish((int)(second & 0xFFu));
        return 0;
    default:
        return -1;
    }
}

// Flash and its copy among the data, from the segments of an ELF file.
static void load(const char *path) {
    static uint8_t file[1 << 22];
    FILE *const stream = fopen(path, "rb");
    if (!stream)
        fail("cannot be read", path);
    const size_t size = fread(file, 1, sizeof file, stream);
    fclose(stream);
    if (size < 52 || memcmp(file, "\177ELF\1\1", 6) != 0)
        fail("is not a 32-bit ELF file", path);
    const uint64_t table = long_at(file + 28);
    const unsigned entry = word_at(file + 42), count = word_at(file + 44);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t at = table + (uint64_t)i * entry;
        if (entry < 32 || at + 32 > size)
            fail("has damaged program headers", path);
        const uint8_t *const header = file + at;
        const uint64_t offset = long_at(header + 4), to = long_at(header + 12);
        const uint64_t bytes = long_at(header + 16);
        if (long_at(header) != 1 || bytes == 0)
            continue;
        if (offset + bytes > size || to + bytes > FLASH_BYTES)
            fail("does not fit the flash", path);
        memcpy(avr->flash + to, file + offset, bytes);
    }
    memcpy(avr->data + WINDOW, avr->flash + FLASH_BYTES - WINDOW_BYTES, WINDOW_BYTES);
}

// FILE,ARGUMENT=VALUE,... as QEMU takes them.
static void install(char *text) {
    int (*start)(uint64_t id, const void *info, int count, char **arguments);
    char *arguments[16];
    int count = 0;
    const char *const path = strtok(text, ",");
    while (count < 16 && (arguments[count] = strtok(NULL, ",")))
        count++;
    void *const library = dlopen(path, RTLD_NOW);
    if (!library)
        fail(dlerror(), "plugin");
    void *const symbol = dlsym(library, "qemu_plugin_install");
    if (!symbol)
        fail("is no plugin", path);
    // C has no conversion from a data pointer to a function pointer; POSIX lets bytes be copied.
    memcpy(&start, &symbol, sizeof start);
    if (start(0, NULL, count, arguments) != 0)
        exit(1);
}

static void observe(instruction *at) {
    if (!at->translated && on_translation) {
        struct qemu_plugin_tb block = {at};
        at->address = (uint64_t)(at - instructions) * 2u;
        at->memory = access_of(word_at(avr->flash + at->address));
        at->translated = true;
        on_translation(0, &block);
    }
    for (unsigned i = 0; i < at->callback_count; i++)
        at->callbacks[i].call(0, at->callbacks[i].data);
    for (unsigned i = 0; i < at->counter_count; i++)
        *at->counters[i].value += at->counters[i].amount;
    if (at->memory != NO_ACCESS && at->on_memory)
        at->on_memory(0, at->memory == STORE, 0, at->memory_data);
}

// simavr tells of what it cannot execute by this way alone, and goes on.
static bool has_failed;

static void note(avr_t *about, const int level, const char *format, va_list values) {
    (void)about;
    (void)format;
    (void)values;
    has_failed |= level == LOG_ERROR;
}

int main(int count, char **arguments) {
    const char *kernel = NULL;
    char *plugin = NULL;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--version") == 0) {
            printf("avr_board emulator version 1\n");
            return 0;
        }
        if (i + 1 == count)
            fail("is not followed by a value", arguments[i]);
        if (strcmp(arguments[i], "-kernel") == 0)
            kernel = arguments[i + 1];
        if (strcmp(arguments[i], "-plugin") == 0)
            plugin = arguments[i + 1];
        i++;
    }
    if (!kernel)
        fail("is needed", "-kernel");
    avr_global_logger_set(note);
    avr = avr_make_mcu_by_name("atmega1284");
    if (!avr)
        fail("has no ATmega1284", "simavr");
    avr->ramend = LAST_ADDRESS;
    avr_init(avr);
    load(kernel);
    if (plugin)
        install(plugin);
    uint32_t pc = avr->pc;
    has_failed = false;
    while (avr->state == cpu_Running && !has_failed && avr->pc + 1u < FLASH_BYTES) {
        pc = avr->pc;
        observe(&instructions[pc / 2u]);
        if (word_at(avr->flash + pc) == BREAK) {
            const int result =
                semihosting(word_at(avr->data + 24), word_at(avr->data + 22));
            avr->data[24] = (uint8_t)result;
            avr->data[25] = (uint8_t)(result >> 8);
        }
        avr_run(avr);
    }
    fprintf(stderr, "exception at 0x%x\n", (unsigned)pc);
    finish(EXCEPTION_STATUS);
}
