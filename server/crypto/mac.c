/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keyed BLAKE2b. Each derivation from the storage key begins with a text of its own, so that no two
 * can meet.
 */
#include "crypto/mac.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#define NAME_TEXT   "conclave storage key name"
#define BACKUP_TEXT "conclave backup"
#define ROW_TEXT    "conclave facts of a row"
#define MARK_TEXT   "conclave rows have MACs"

static void keyed(uint8_t *out, size_t out_len, const uint8_t key[static 32], struct span data)
{
    int bad = crypto_generichash_blake2b(out, out_len, data.p, data.len, key, 32);
    assert(bad == 0); /* only an out_len outside 1..64 */
    (void)bad;
}

void mac_of(const struct mac_key *key, struct span data, uint8_t ret_mac[static MAC_BYTES])
{
    keyed(ret_mac, MAC_BYTES, key->b, data);
}

bool mac_is(const struct mac_key *key, struct span data, const uint8_t mac[static MAC_BYTES])
{
    uint8_t right[MAC_BYTES];
    mac_of(key, data, right);
    return sodium_memcmp(right, mac, MAC_BYTES) == 0;
}

bool mac_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.p, b.p, a.len) == 0);
}

void storage_key_name(const uint8_t storage_key[static 32],
                      uint8_t ret_name[static STORAGE_KEY_NAME_BYTES])
{
    /*
     * A digest's length is hashed, too, and eight bytes are below BLAKE2b's recommended least: cut
     * from a whole one.
     */
    uint8_t whole[MAC_BYTES];
    keyed(whole, sizeof(whole), storage_key, SPAN(NAME_TEXT));
    memcpy(ret_name, whole, STORAGE_KEY_NAME_BYTES);
}

void row_key_for_mac(const struct aead_key *row_key, struct mac_key *ret_key)
{
    keyed(ret_key->b, sizeof(ret_key->b), row_key->b, SPAN(ROW_TEXT));
}

void storage_key_mark(const uint8_t storage_key[static 32],
                      uint8_t ret_mark[static STORAGE_KEY_MARK_BYTES])
{
    uint8_t whole[MAC_BYTES];
    keyed(whole, sizeof(whole), storage_key, SPAN(MARK_TEXT));
    memcpy(ret_mark, whole, STORAGE_KEY_MARK_BYTES);
}

void storage_key_for_backup(const uint8_t storage_key[static 32],
                            const uint8_t salt[static MAC_SALT_BYTES], struct mac_key *ret_key)
{
    uint8_t text[sizeof(BACKUP_TEXT) - 1 + MAC_SALT_BYTES];
    memcpy(text, BACKUP_TEXT, sizeof(BACKUP_TEXT) - 1);
    memcpy(text + sizeof(BACKUP_TEXT) - 1, salt, MAC_SALT_BYTES);
    keyed(ret_key->b, sizeof(ret_key->b), storage_key, span_of(text, sizeof(text)));
}
