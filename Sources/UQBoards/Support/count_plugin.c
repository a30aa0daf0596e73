/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU plugin that counts what a program executes between two marks: instructions, loads, stores,
 * in all, for each function, and for each call that one function makes.
 *
 *     cc -O2 -std=c99 -shared -fPIC -fvisibility=hidden -o count.so count_plugin.c
 *     nm -S program.elf > symbols
 *     qemu-system-arm ... -plugin ./count.so,ARGUMENT=VALUE,...
 *
 * start, stop   code addresses (0x...) or function names: counting goes from the first
 *               instruction of start up to, and without, that of stop; each stretch is one run
 * caller        a function name (optional): whatever is executed from an instruction of this
 *               function that calls another, until this function goes on, belongs to that call
 * symbols       a file of what `nm -S` prints: needed for names and for `function` lines
 * memory        on: count loads and stores too
 * output        the file to write (default: standard error)
 *
 * Counting is per instruction, so it is exact and the same every time. An instruction whose
 * condition fails counts. A load or store counts once for each access that QEMU makes for it: a
 * load of four registers is four. The output has one record a line, fields separated by single
 * spaces, counts summed over all runs except in `run`:
 *
 *     uq-count 1
 *     run INDEX INSTRUCTIONS LOADS STORES
 *     call SITE TARGET TIMES INSTRUCTIONS LOADS STORES NAME    in the order of first execution
 *     function ADDRESS INSTRUCTIONS LOADS STORES NAME          without what it calls, by address
 *     end RUNS
 *
 * SITE is the address of the calling instruction, TARGET the address of what it calls, NAME that
 * function's name or ?; addresses are hexadecimal without 0x. A file without `end` is incomplete.
 *
 * No distribution packs qemu-plugin.h, so the part of the interface that is used is declared here.
 * It is version 1, of QEMU 4.2 to 8.2. -DQEMU_PLUGIN_API=N declares version N, for later ones, and
 * counts through callbacks, because those removed the inline operation.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef QEMU_PLUGIN_API
#define QEMU_PLUGIN_API 1
#endif

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void execute_callback(unsigned cpu, void *data);
typedef void memory_callback(unsigned cpu, uint32_t info, uint64_t address, void *data);

enum { CALLBACK_NO_REGISTERS = 0, INLINE_ADD_U64 = 0, MEMORY_READ_AND_WRITE = 3 };

EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments);

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
                                                  void (*callback)(plugin_id id,
                                                                   struct qemu_plugin_tb *block));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block,
                                                        size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
                                                   execute_callback *callback, int flags,
                                                   void *data);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *instruction,
                                                       int operation, void *counter,
                                                       uint64_t amount);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
                                             memory_callback *callback, int flags, int accesses,
                                             void *data);
extern bool qemu_plugin_mem_is_store(uint32_t info);
extern void qemu_plugin_register_atexit_cb(plugin_id id, void (*callback)(plugin_id id, void *data),
                                           void *data);

int qemu_plugin_version = QEMU_PLUGIN_API;

typedef struct {
    uint64_t instructions, loads, stores;
} counts;

typedef struct {
    uint64_t address, size;
    char *name;
    counts now;     // since the program's start
    counts at_mark; // `now` at the last start mark
    counts in_runs; // between marks
} function;

typedef struct {
    uint64_t site, target, times;
    counts total;
} call;

// One block of translated code, as its first instruction's callback sees it.
typedef struct block {
    struct block *next;
    uint64_t first, last;
} block;

static function *functions; // by address
static size_t function_count;
static function elsewhere = {.name = "?"}; // code that belongs to no symbol

static call *calls; // by first execution
static size_t call_count, call_room;

static counts *runs;
static size_t run_count, run_room;

static counts now;                   // since the program's start
static counts run_start, call_start; // `now` at the last mark, and where the open call was left
static bool running, in_call;
static size_t open_call;
static uint64_t last_in_caller; // the last instruction of the caller's latest block

static uint64_t start_address, stop_address;
static const function *caller;
static bool with_memory;
static FILE *output;

static void *grown(void *items, size_t *room, size_t size) {
    *room = *room ? *room * 2 : 64;
    void *more = realloc(items, *room * size);
    if (!more) {
        fprintf(stderr, "count_plugin: out of memory\n");
        exit(1);
    }
    return more;
}

static counts difference(counts a, counts b) {
    return (counts){a.instructions - b.instructions, a.loads - b.loads, a.stores - b.stores};
}

static void add(counts *to, counts amount) {
    to->instructions += amount.instructions;
    to->loads += amount.loads;
    to->stores += amount.stores;
}

static function *function_at(uint64_t address) {
    size_t low = 0, high = function_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (functions[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address - functions[low - 1].address >= functions[low - 1].size)
        return &elsewhere;
    return &functions[low - 1];
}

static void close_call(void) {
    if (in_call)
        add(&calls[open_call].total, difference(now, call_start));
    in_call = false;
}

static void on_start(unsigned cpu, void *data) {
    (void)cpu;
    (void)data;
    running = true;
    in_call = false;
    last_in_caller = 0;
    run_start = now;
    for (size_t i = 0; i < function_count; i++)
        functions[i].at_mark = functions[i].now;
    elsewhere.at_mark = elsewhere.now;
}

static void on_stop(unsigned cpu, void *data) {
    (void)cpu;
    (void)data;
    if (!running)
        return;
    close_call();
    running = false;
    if (run_count == run_room)
        runs = grown(runs, &run_room, sizeof *runs);
    runs[run_count++] = difference(now, run_start);
    for (size_t i = 0; i < function_count; i++)
        add(&functions[i].in_runs, difference(functions[i].now, functions[i].at_mark));
    add(&elsewhere.in_runs, difference(elsewhere.now, elsewhere.at_mark));
}

static void on_block_in_caller(unsigned cpu, void *data) {
    (void)cpu;
    if (!running)
        return;
    close_call();
    last_in_caller = ((const block *)data)->last;
}

static void on_block_elsewhere(unsigned cpu, void *data) {
    (void)cpu;
    // Nothing was called before the caller was entered, and an open call goes on.
    if (!running || in_call || last_in_caller == 0)
        return;
    const uint64_t target = ((const block *)data)->first;
    const function *called = function_at(target);
    if (called != &elsewhere && called->address != target) {
        // Into the middle of a function: the caller has returned.
        last_in_caller = 0;
        return;
    }
    size_t i = 0;
    while (i < call_count && (calls[i].site != last_in_caller || calls[i].target != target))
        i++;
    if (i == call_count) {
        if (call_count == call_room)
            calls = grown(calls, &call_room, sizeof *calls);
        calls[call_count++] = (call){.site = last_in_caller, .target = target};
    }
    calls[i].times++;
    open_call = i;
    in_call = true;
    call_start = now;
}

static void on_memory(unsigned cpu, uint32_t info, uint64_t address, void *data) {
    (void)cpu;
    (void)address;
    function *inside = data;
    if (qemu_plugin_mem_is_store(info)) {
        now.stores++;
        inside->now.stores++;
    } else {
        now.loads++;
        inside->now.loads++;
    }
}

#if QEMU_PLUGIN_API >= 2
static void on_instruction(unsigned cpu, void *data) {
    (void)cpu;
    now.instructions++;
    ((function *)data)->now.instructions++;
}
#endif

static void count_instruction(struct qemu_plugin_insn *instruction, function *inside) {
#if QEMU_PLUGIN_API >= 2
    qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_instruction, CALLBACK_NO_REGISTERS,
                                           inside);
#else
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD_U64, &now.instructions, 1);
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD_U64,
                                               &inside->now.instructions, 1);
#endif
}

static uint64_t address_of(const struct qemu_plugin_insn *instruction) {
    return qemu_plugin_insn_vaddr(instruction) & ~UINT64_C(1);
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *translated) {
    (void)id;
    // Callbacks may come as long as the program runs, so these live until it ends.
    static block *blocks;
    const size_t count = qemu_plugin_tb_n_insns(translated);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(translated, i);
        const uint64_t address = address_of(instruction);
        function *inside = function_at(address);
        // Marks and calls come before the count: what they see excludes this instruction.
        if (address == stop_address)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_stop, CALLBACK_NO_REGISTERS,
                                                   NULL);
        if (address == start_address)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_start, CALLBACK_NO_REGISTERS,
                                                   NULL);
        if (i == 0 && caller) {
            block *record = malloc(sizeof *record);
            if (!record) {
                fprintf(stderr, "count_plugin: out of memory\n");
                exit(1);
            }
            *record = (block){
                .next = blocks,
                .first = address,
                .last = address_of(qemu_plugin_tb_get_insn(translated, count - 1)),
            };
            blocks = record;
            qemu_plugin_register_vcpu_insn_exec_cb(
                instruction, inside == caller ? on_block_in_caller : on_block_elsewhere,
                CALLBACK_NO_REGISTERS, record);
        }
        count_instruction(instruction, inside);
        if (with_memory)
            qemu_plugin_register_vcpu_mem_cb(instruction, on_memory, CALLBACK_NO_REGISTERS,
                                             MEMORY_READ_AND_WRITE, inside);
    }
}

static void write_counts(counts c) {
    fprintf(output, " %llu %llu %llu", (unsigned long long)c.instructions,
            (unsigned long long)c.loads, (unsigned long long)c.stores);
}

static void write_function(const function *f) {
    if (f->in_runs.instructions == 0)
        return;
    fprintf(output, "function %llx", (unsigned long long)f->address);
    write_counts(f->in_runs);
    fprintf(output, " %s\n", f->name);
}

static void on_exit_of_emulator(plugin_id id, void *data) {
    (void)id;
    (void)data;
    fprintf(output, "uq-count 1\n");
    for (size_t i = 0; i < run_count; i++) {
        fprintf(output, "run %zu", i);
        write_counts(runs[i]);
        fputc('\n', output);
    }
    for (size_t i = 0; i < call_count; i++) {
        fprintf(output, "call %llx %llx %llu", (unsigned long long)calls[i].site,
                (unsigned long long)calls[i].target, (unsigned long long)calls[i].times);
        write_counts(calls[i].total);
        fprintf(output, " %s\n", function_at(calls[i].target)->name);
    }
    if (function_count > 0) {
        for (size_t i = 0; i < function_count; i++)
            write_function(&functions[i]);
        write_function(&elsewhere);
    }
    fprintf(output, "end %zu\n", run_count);
    fflush(output);
}

static int by_address(const void *a, const void *b) {
    const function *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    return strcmp(left->name, right->name);
}

// Takes the code symbols with a size from the text that `nm -S` prints.
static bool read_symbols(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "count_plugin: %s: %s\n", path, strerror(errno));
        return false;
    }
    size_t room = 0;
    char line[1024], name[512], kind;
    unsigned long long address, size;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%llx %llx %c %511s", &address, &size, &kind, name) != 4)
            continue;
        if (!strchr("tTwW", kind) || size == 0)
            continue;
        if (function_count == room)
            functions = grown(functions, &room, sizeof *functions);
        char *copy = malloc(strlen(name) + 1);
        if (!copy)
            break;
        strcpy(copy, name);
        functions[function_count++] =
            (function){.address = address & ~1ull, .size = size, .name = copy};
    }
    fclose(file);
    qsort(functions, function_count, sizeof *functions, by_address);
    return true;
}

static function *function_named(const char *name) {
    for (size_t i = 0; i < function_count; i++)
        if (strcmp(functions[i].name, name) == 0)
            return function_at(functions[i].address);
    fprintf(stderr, "count_plugin: no function %s among the symbols\n", name);
    return NULL;
}

static bool read_address(const char *text, uint64_t *address) {
    if (text[0] >= '0' && text[0] <= '9') {
        char *end;
        *address = strtoull(text, &end, 0) & ~UINT64_C(1);
        return *end == '\0';
    }
    const function *found = function_named(text);
    if (found)
        *address = found->address;
    return found != NULL;
}

// The text behind `key=` in an argument, or NULL.
static const char *value_of(const char *argument, const char *key) {
    const size_t length = strlen(key);
    return strncmp(argument, key, length) == 0 && argument[length] == '=' ? argument + length + 1
                                                                          : NULL;
}

int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments) {
    (void)info;
    const char *start = NULL, *stop = NULL, *called_by = NULL, *symbols = NULL, *path = NULL;
    for (int i = 0; i < count; i++) {
        const char *value;
        if ((value = value_of(arguments[i], "start")))
            start = value;
        else if ((value = value_of(arguments[i], "stop")))
            stop = value;
        else if ((value = value_of(arguments[i], "caller")))
            called_by = value;
        else if ((value = value_of(arguments[i], "symbols")))
            symbols = value;
        else if ((value = value_of(arguments[i], "output")))
            path = value;
        else if ((value = value_of(arguments[i], "memory")))
            with_memory = strcmp(value, "on") == 0;
        else {
            fprintf(stderr, "count_plugin: unknown argument %s\n", arguments[i]);
            return -1;
        }
    }
    if (!start || !stop) {
        fprintf(stderr, "count_plugin: start= and stop= are needed\n");
        return -1;
    }
    if (symbols && !read_symbols(symbols))
        return -1;
    if (!read_address(start, &start_address) || !read_address(stop, &stop_address))
        return -1;
    if (called_by && !(caller = function_named(called_by)))
        return -1;
    output = path ? fopen(path, "w") : stderr;
    if (!output) {
        fprintf(stderr, "count_plugin: %s: %s\n", path, strerror(errno));
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_emulator, NULL);
    return 0;
}
