/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values are written with a letter for their kind, so that 1 and "1" differ, and long ones as their
 * hash.
 */
#include "pysogs/digest.h"

#include <assert.h>
#include <string.h>

#include "crypto/sign.h"

static void put(struct digest_row *row, char kind, const void *bytes, size_t len)
{
    assert(row->len + 1 + len <= sizeof(row->bytes));
    row->bytes[row->len++] = (uint8_t)kind;
    if (len > 0)
        memcpy(row->bytes + row->len, bytes, len);
    row->len += len;
}

void digest_i64(struct digest_row *row, int64_t value)
{
    put(row, 'i', &value, sizeof(value));
}

void digest_f64(struct digest_row *row, double value)
{
    double plain = value + 0.0; /* not -0 */
    put(row, 'd', &plain, sizeof(plain));
}

void digest_bytes(struct digest_row *row, struct span value)
{
    uint8_t hash[DIGEST_BYTES];
    hash_blake2b(hash, sizeof(hash), value);
    put(row, 'b', hash, sizeof(hash));
}

void digest_null(struct digest_row *row)
{
    put(row, 'n', NULL, 0);
}

void digest_row_end(struct digest_row *row, uint8_t ret_hash[static DIGEST_BYTES])
{
    hash_blake2b(ret_hash, DIGEST_BYTES, span_of(row->bytes, row->len));
    row->len = 0;
}

void digest_add(struct digest *d, const uint8_t hash[static DIGEST_BYTES])
{
    for (size_t i = 0; i < DIGEST_WORDS; i++) {
        uint64_t word;
        memcpy(&word, hash + i * sizeof(word), sizeof(word));
        d->sum[i] += word;
    }
    d->rows++;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    bool same = a->rows == b->rows;
    for (size_t i = 0; i < DIGEST_WORDS; i++)
        same = same && a->sum[i] == b->sum[i];
    return same;
}

static void end_block(struct digest_content *c)
{
    uint8_t hash[DIGEST_BYTES];
    hash_blake2b(hash, sizeof(hash), span_of(c->bytes, DIGEST_BYTES + c->len));
    memcpy(c->bytes, hash, sizeof(hash));
    c->len = 0;
}

void digest_content_put(struct digest_content *c, struct span piece)
{
    while (piece.len > 0) {
        struct span part = span_first(piece, DIGEST_BLOCK_BYTES - c->len);
        memcpy(c->bytes + DIGEST_BYTES + c->len, part.p, part.len);
        c->len += part.len;
        piece = span_skip(piece, part.len);
        if (c->len == DIGEST_BLOCK_BYTES)
            end_block(c);
    }
}

void digest_content_end(struct digest_content *c, uint8_t ret_hash[static DIGEST_BYTES])
{
    end_block(c);
    memcpy(ret_hash, c->bytes, DIGEST_BYTES);
}
