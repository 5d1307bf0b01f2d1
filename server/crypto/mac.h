/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Message authentication with keyed BLAKE2b, and what is derived from the storage key: a name for
 * it that may be told, and the key that authenticates backups. Any thread.
 */
#ifndef CONCLAVE_CRYPTO_MAC_H
#define CONCLAVE_CRYPTO_MAC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"
#include "crypto/keys.h"

enum { MAC_BYTES = 32, MAC_SALT_BYTES = 32, STORAGE_KEY_NAME_BYTES = 8 };

struct mac_key {
    uint8_t b[32];
};

void mac_of(const struct mac_key *key, struct span data, uint8_t ret_mac[static MAC_BYTES]);
/* In constant time. */
bool mac_is(const struct mac_key *key, struct span data, const uint8_t mac[static MAC_BYTES]);

/* Two MACs, or the beginnings of two, in constant time. */
bool mac_eq(struct span a, struct span b);

/*
 * Names a storage key without telling anything about it: in rows that it wraps, in backups, to
 * operators.
 */
void storage_key_name(const uint8_t storage_key[static 32],
                      uint8_t ret_name[static STORAGE_KEY_NAME_BYTES]);
/* The key under which facts about a row are authenticated that is sealed with row_key. Wipe it. */
void row_key_for_mac(const struct aead_key *row_key, struct mac_key *ret_key);
/*
 * What the storage key says instead of random bytes once no row may be without a MAC any more. Only
 * whoever has the key can make it.
 */
enum { STORAGE_KEY_MARK_BYTES = 24 };
void storage_key_mark(const uint8_t storage_key[static 32],
                      uint8_t ret_mark[static STORAGE_KEY_MARK_BYTES]);
/* The key of one backup, whose salt is random. Wipe it. */
void storage_key_for_backup(const uint8_t storage_key[static 32],
                            const uint8_t salt[static MAC_SALT_BYTES], struct mac_key *ret_key);

#endif
