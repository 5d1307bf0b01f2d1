/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What readers of rooms and files find, entered into the ledger.
 */
#ifndef CONCLAVE_TESTS_TORTURE_READING_H
#define CONCLAVE_TESTS_TORTURE_READING_H

#include "torture/load.h"

/* How far a reader of a room has come. */
struct cursor {
    int64_t seqno;
};

/*
 * All that is new in a room, page after page; complains about repetitions, numbers out of order,
 * and strangers. Errors: nobody answered, or busy; the cursor stands behind what was read. final:
 * the last reading, which counts.
 */
enum err reading_on(struct person *p, size_t server, uint8_t room, struct cursor *at, bool final);

/* One acknowledged upload; complains when it is not there or not what was sent. Errors as above. */
enum err reading_file(struct person *p, size_t server, uint32_t n);
/* An upload whose time is over: it must be gone. */
enum err reading_gone(struct person *p, size_t server, uint32_t n);

#endif
