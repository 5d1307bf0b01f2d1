/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The storage keys that a process knows: the one of [server] storage_key_file and, while they are
 * being exchanged, the next one, which `conclave key rotate` puts beside it (FILE.new). A key that
 * a row names and that is not known is looked for in the two files again, so that a running server
 * need not be restarted. In locked memory. Any thread (own lock).
 */
#ifndef CONCLAVE_STORE_STORAGE_KEYS_H
#define CONCLAVE_STORE_STORAGE_KEYS_H

#include "base/err.h"
#include "crypto/keys.h"
#include "crypto/mac.h"

enum { STORAGE_KEYS_MAX = 4 };

struct storage_keys;
struct key_name {
    uint8_t b[STORAGE_KEY_NAME_BYTES];
};

/* first: 32 bytes, copied. */
MUST_USE enum err storage_keys_new(const uint8_t first[static 32], struct storage_keys **ret_keys);
void storage_keys_free(struct storage_keys *keys);
/*
 * Where keys are looked for from now on: path and path.new. Copied. ERR_TOO_LARGE: no path is that
 * long.
 */
MUST_USE enum err storage_keys_watch(struct storage_keys *keys, const char *path);

/* The key of that name. ERR_SEALED: it is neither known nor in one of the files. */
MUST_USE enum err storage_keys_find(struct storage_keys *keys, struct span name,
                                    struct aead_key *ret_key);
/* The i-th known key, from 0; false: there are no more. Wipe it. */
bool storage_keys_at(struct storage_keys *keys, size_t i, struct aead_key *ret_key,
                     struct key_name *ret_name);

#endif
