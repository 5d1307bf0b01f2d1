/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the fuzzers share. Each fuzz_<parser>.c defines LLVMFuzzerTestOneInput and is linked twice:
 * with libFuzzer (make fuzz; clang) and with replay.c (make test; any compiler). One thread.
 *
 * A fuzzer does more than wait for a crash: HOLDS() states what must be true of everything the
 * parser takes.
 */
#ifndef CONCLAVE_TESTS_FUZZ_FUZZ_H
#define CONCLAVE_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/span.h"

enum { FUZZ_ARENA_BYTES = 24 << 20 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what does not hold and aborts, so that the engine keeps the input. */
#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The bytes in memory of exactly their size, which the parser may write to. Free with free. */
struct bytes fuzz_copy(const uint8_t *data, size_t size);
/* Is inner a part of outer (or empty)? */
bool fuzz_within(struct span inner, struct span outer);
/* The next line of rest without its newline, or all that is left. */
struct span fuzz_line(struct span *rest);

/* Asks everything that handlers ask of a request, on all routes of the server. */
struct arena;
struct request;
void fuzz_request(struct arena *mem, const struct request *req);

#endif
