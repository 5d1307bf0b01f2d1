/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A keyed hash of a few byte strings, to recognise them again without keeping them. Whoever lacks
 * the server's secret can neither compute it nor test a guess against it. Stateless; any thread.
 */
#ifndef CONCLAVE_CRYPTO_FINGERPRINT_H
#define CONCLAVE_CRYPTO_FINGERPRINT_H

#include <stddef.h>

#include "base/span.h"
#include "crypto/keys.h"

struct fingerprint {
    uint8_t b[16];
};

/*
 * purpose: text of ours; equal parts have another fingerprint for another purpose. Lengths count:
 * "ab","c" is not "a","bc".
 */
struct fingerprint fingerprint_of(const struct x25519_secret *server, const char *purpose,
                                  const struct span *parts, size_t count);

#endif
