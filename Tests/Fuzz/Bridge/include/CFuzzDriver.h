#ifndef UQ_FUZZ_DRIVER_H
#define UQ_FUZZ_DRIVER_H

#include <stddef.h>
#include <stdint.h>

/* Runs libFuzzer with its own arguments on body; the exit status. */
int uq_fuzz_run(int argc, char **argv, int (*body)(const uint8_t *data, size_t size));

#endif
