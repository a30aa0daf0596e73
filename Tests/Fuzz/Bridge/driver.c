#include "CFuzzDriver.h"

/* libFuzzer's entry for programs with their own main (compiler-rt, FuzzerInterface.h). */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*body)(const uint8_t *data, size_t size));

int uq_fuzz_run(int argc, char **argv, int (*body)(const uint8_t *data, size_t size))
{
    return LLVMFuzzerRunDriver(&argc, &argv, body);
}
