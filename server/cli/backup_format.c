/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Heads and pieces of backups as bytes.
 */
#include "cli/backup_format.h"

#include <stddef.h>
#include <string.h>

#define MAGIC "conclave backup\n"

enum {
    VERSION = 1,
    VERSION_AT = 16,
    SIZE_AT = 20,
    SCHEMA_AT = 24,
    MADE_AT = 32,
    NAME_AT = 40,
    SERVER_AT = 48,
    SALT_AT = 80,
    MAC_AT = 112,
};
#define LAST_PIECE UINT32_C(0x80000000)

_Static_assert(sizeof(MAGIC) - 1 == BACKUP_MAGIC_BYTES, "length of the first line");
_Static_assert(MAC_AT + MAC_BYTES == BACKUP_HEAD_BYTES, "length of the head");
_Static_assert(offsetof(struct backup_piece, length) == 8 &&
                   offsetof(struct backup_piece, content) == 12,
               "a piece is one run of bytes, which the MAC covers");

static void put_le(uint8_t *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_le(const uint8_t *in, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

void backup_seal_new(struct backup_seal *s, const uint8_t storage_key[static 32],
                     struct backup_head *head, uint8_t ret_bytes[static BACKUP_HEAD_BYTES])
{
    uint8_t *b = ret_bytes;
    storage_key_name(storage_key, head->storage_key);
    memset(b, 0, BACKUP_HEAD_BYTES);
    memcpy(b, MAGIC, BACKUP_MAGIC_BYTES);
    put_le(b + VERSION_AT, VERSION, 4);
    put_le(b + SIZE_AT, BACKUP_HEAD_BYTES, 4);
    put_le(b + SCHEMA_AT, head->schema, 4);
    put_le(b + MADE_AT, (uint64_t)head->made_s, 8);
    memcpy(b + NAME_AT, head->storage_key, sizeof(head->storage_key));
    memcpy(b + SERVER_AT, head->server.b, sizeof(head->server.b));
    crypto_random(b + SALT_AT, MAC_SALT_BYTES);
    *s = (struct backup_seal){0};
    storage_key_for_backup(storage_key, b + SALT_AT, &s->key);
    mac_of(&s->key, span_of(b, MAC_AT), b + MAC_AT);
}

/* Number, length and content, as one. */
static struct span covered(struct backup_seal *s, struct backup_piece *piece, size_t len)
{
    put_le(piece->number, s->next++, sizeof(piece->number));
    return span_of(piece, sizeof(piece->number) + sizeof(piece->length) + len);
}

struct span backup_seal_piece(struct backup_seal *s, struct backup_piece *piece, size_t len,
                              bool last)
{
    put_le(piece->length, (uint32_t)len | (last ? LAST_PIECE : 0), sizeof(piece->length));
    mac_of(&s->key, covered(s, piece, len), piece->content + len);
    return span_of(piece->length, sizeof(piece->length) + len + MAC_BYTES);
}

bool backup_is_sealed(const uint8_t bytes[static BACKUP_MAGIC_BYTES])
{
    return span_eq(span_of(bytes, BACKUP_MAGIC_BYTES), SPAN(MAGIC));
}

enum err backup_head_read(const uint8_t bytes[static BACKUP_HEAD_BYTES],
                          struct backup_head *ret_head)
{
    if (!backup_is_sealed(bytes))
        return ERR_MALFORMED;
    if (get_le(bytes + VERSION_AT, 4) != VERSION)
        return get_le(bytes + VERSION_AT, 4) > VERSION ? ERR_CONFLICT : ERR_MALFORMED;
    if (get_le(bytes + SIZE_AT, 4) != BACKUP_HEAD_BYTES)
        return ERR_MALFORMED;
    ret_head->schema = (uint32_t)get_le(bytes + SCHEMA_AT, 4);
    ret_head->made_s = (int64_t)get_le(bytes + MADE_AT, 8);
    memcpy(ret_head->storage_key, bytes + NAME_AT, sizeof(ret_head->storage_key));
    memcpy(ret_head->server.b, bytes + SERVER_AT, sizeof(ret_head->server.b));
    return OK;
}

enum err backup_seal_open(struct backup_seal *s, const uint8_t storage_key[static 32],
                          const uint8_t bytes[static BACKUP_HEAD_BYTES])
{
    *s = (struct backup_seal){0};
    storage_key_for_backup(storage_key, bytes + SALT_AT, &s->key);
    return mac_is(&s->key, span_of(bytes, MAC_AT), bytes + MAC_AT) ? OK : ERR_SEALED;
}

enum err backup_piece_length(const struct backup_piece *piece, size_t *ret_len, bool *ret_last)
{
    uint64_t word = get_le(piece->length, sizeof(piece->length));
    size_t len = (size_t)(word & ~(uint64_t)LAST_PIECE);
    if (len > BACKUP_PIECE_BYTES)
        return ERR_MALFORMED;
    *ret_len = len;
    *ret_last = (word & LAST_PIECE) != 0;
    return OK;
}

enum err backup_piece_open(struct backup_seal *s, struct backup_piece *piece, size_t len)
{
    return mac_is(&s->key, covered(s, piece, len), piece->content + len) ? OK : ERR_SEALED;
}
