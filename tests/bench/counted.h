/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server under callgrind: how many instructions a function took, itself and all that it called.
 * Counts do not depend on who else uses the machine, and tell a hundredth from nothing.
 */
#ifndef CONCLAVE_TESTS_BENCH_COUNTED_H
#define CONCLAVE_TESTS_BENCH_COUNTED_H

#include "integration/world.h"

/*
 * Starts the (stopped) server anew under callgrind, without its sandbox, which would end valgrind.
 */
MUST_USE enum err counted_start(struct world *w, const char *const *env);
/* Counting begins now. */
MUST_USE enum err counted_begin(struct world *w);
/*
 * Instructions since then in a function, by its name. ERR_MISSING: it was not called, or callgrind
 * did not tell.
 */
MUST_USE enum err counted_end(struct world *w, const char *const *functions, size_t count,
                              double *ret_instructions);
/* Stops it; the next start is an ordinary one. */
void counted_stop(struct world *w);

#endif
