/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The floor: the cryptography that no server can leave out, on the same requests and replies of the
 * same sizes, in a plain loop on one core: X25519, opening the request, verifying its signature,
 * sealing the reply.
 */
#ifndef CONCLAVE_TESTS_BENCH_FLOOR_H
#define CONCLAVE_TESTS_BENCH_FLOOR_H

#include "bench/prepared.h"

struct floor;
/* For one thread, and replies of that size. floor_free(NULL) is harmless. ERR_NO_MEMORY. */
MUST_USE enum err floor_new(size_t reply_bytes, struct floor **ret_floor);
void floor_free(struct floor *f);
/* The cryptography of one request. False: it does not open or verify. */
bool floor_one(const struct floor *f, const struct x25519_secret *server, const struct prepared *p);

/*
 * *ret_us: CPU microseconds per request. ERR_SEALED: a request does not open or verify, so nothing
 * was measured.
 */
MUST_USE enum err floor_run(const struct x25519_secret *server, const struct prepared *requests,
                            size_t count, size_t reply_bytes, double *ret_us);

#endif
