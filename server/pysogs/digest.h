/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of one table as one number, whatever their order: how an import shows that what came is
 * what was there. A row is hashed value by value, and the hashes of rows are added up, so that no
 * two sets of rows can be mistaken for each other.
 */
#ifndef CONCLAVE_PYSOGS_DIGEST_H
#define CONCLAVE_PYSOGS_DIGEST_H

#include "base/span.h"

enum { DIGEST_BYTES = 32, DIGEST_WORDS = DIGEST_BYTES / 8, DIGEST_ROW_MAX = 1024 };

struct digest {
    int64_t rows;
    uint64_t sum[DIGEST_WORDS];
};

/* The row being hashed; zeroed before its first value. */
struct digest_row {
    uint8_t bytes[DIGEST_ROW_MAX];
    size_t len;
};
void digest_i64(struct digest_row *row, int64_t value);
void digest_f64(struct digest_row *row, double value);
void digest_bytes(struct digest_row *row, struct span value); /* bytes or text */
void digest_null(struct digest_row *row);
void digest_row_end(struct digest_row *row, uint8_t ret_hash[static DIGEST_BYTES]);

void digest_add(struct digest *d, const uint8_t hash[static DIGEST_BYTES]);
bool digest_equal(const struct digest *a, const struct digest *b);

/* The content of a file, in pieces of any size; zeroed before the first. */
enum { DIGEST_BLOCK_BYTES = 65536 };
struct digest_content {
    /* The hash of the blocks so far, and the next block behind it. */
    uint8_t bytes[DIGEST_BYTES + DIGEST_BLOCK_BYTES];
    size_t len; /* of the next block */
};
void digest_content_put(struct digest_content *c, struct span piece);
void digest_content_end(struct digest_content *c, uint8_t ret_hash[static DIGEST_BYTES]);

#endif
