/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arrays that are made once and filled again and again, so that the memory does not depend on how
 * much there is to take.
 */
#include "pysogs/batch.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"

/*
 * One row may be as long as the longest message that can be (pysogs/import_messages.c), which this
 * holds thrice.
 */
enum { BYTES_MAX = 64 * 1024 * 1024, FULL_BYTES = 2 * 1024 * 1024, COLUMNS_BYTES = 1 << 20 };

static size_t size_of(char letter)
{
    switch (letter) {
    case 'i':
        return sizeof(int64_t);
    case 'd':
        return sizeof(double);
    case 's':
        return sizeof(int16_t);
    default:
        return sizeof(struct span);
    }
}

static enum param_kind kind_of(char letter)
{
    switch (letter) {
    case 'i':
        return P_I64_ARRAY;
    case 'd':
        return P_F64_ARRAY;
    case 's':
        return P_I16_ARRAY;
    default:
        return P_BYTES_ARRAY;
    }
}

enum err batch_open(struct batch *b, enum taking what, const char *letters)
{
    assert(strlen(letters) <= BATCH_COLUMNS);
    *b = (struct batch){.what = what,
                        .letters = letters,
                        .columns_mem = arena_new(COLUMNS_BYTES),
                        .bytes_mem = arena_new(BYTES_MAX)};
    if (b->columns_mem == NULL || b->bytes_mem == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; letters[i] != '\0'; i++) {
        b->items[i] = arena_alloc_array(b->columns_mem, BATCH_ROWS, size_of(letters[i]));
        if (b->items[i] == NULL)
            return ERR_NO_MEMORY;
    }
    return OK;
}

void batch_close(struct batch *b)
{
    arena_free(b->columns_mem);
    arena_free(b->bytes_mem);
    *b = (struct batch){0};
}

void batch_begin(struct batch *b, int64_t name)
{
    b->column = 0;
    b->names[b->count] = name;
}

/* Where the next value goes; the columns of a row are named once, in its noun. */
static void *next_item(struct batch *b, char letter)
{
    assert(b->letters[b->column] == letter);
    return (uint8_t *)b->items[b->column++] + b->count * size_of(letter);
}

void batch_i64(struct batch *b, int64_t value)
{
    *(int64_t *)next_item(b, 'i') = value;
}

void batch_f64(struct batch *b, double value)
{
    *(double *)next_item(b, 'd') = value;
}

void batch_i16(struct batch *b, int64_t value)
{
    *(int16_t *)next_item(b, 's') = (int16_t)value;
}

void batch_bytes(struct batch *b, struct span value)
{
    struct span *item = next_item(b, 'b');
    *item = value;
    if (value.p == NULL)
        return;
    *item = value.len > 0 ? arena_dup(b->bytes_mem, value) : SPAN("");
    b->failed |= item->len != value.len;
}

enum err batch_end(struct batch *b)
{
    assert(b->letters[b->column] == '\0');
    b->count++;
    return b->failed ? ERR_NO_MEMORY : OK;
}

bool batch_is_full(const struct batch *b)
{
    return b->alone || b->count == BATCH_ROWS || arena_used(b->bytes_mem) > FULL_BYTES;
}

size_t batch_params(const struct batch *b, size_t from, size_t count,
                    struct param ret_params[static BATCH_COLUMNS])
{
    size_t i = 0;
    for (; b->letters[i] != '\0'; i++)
        ret_params[i] =
            PARAM_ARRAY(kind_of(b->letters[i]),
                        (const uint8_t *)b->items[i] + from * size_of(b->letters[i]), count);
    return i;
}

void batch_empty(struct batch *b)
{
    b->count = 0;
    b->alone = false;
    arena_reset(b->bytes_mem);
}

static void note_taken(struct batch *b, size_t from, size_t count)
{
    b->taken += (int64_t)count;
    for (size_t i = from; b->sum != NULL && i < from + count; i++)
        if (b->compared[i])
            digest_add(b->sum, b->hashes[i]);
}

/* All of them at once; where that cannot be, halves, down to the row that is the trouble. */
static enum err put(struct batch *b, struct db *db, size_t from, size_t count, int64_t *ret_name)
{
    struct param params[BATCH_COLUMNS];
    enum err e =
        taking_put(db, b->what, params, batch_params(b, from, count, params), (int64_t)count);
    if (e == OK)
        note_taken(b, from, count);
    if (e != ERR_CONFLICT && e != ERR_MISSING)
        return e;
    if (count == 1) {
        *ret_name = b->names[from];
        return e == ERR_MISSING ? OK : e;
    }
    e = put(b, db, from, count / 2, ret_name);
    return e == OK ? put(b, db, from + count / 2, count - count / 2, ret_name) : e;
}

enum err batch_flush(struct batch *b, struct db *db, int64_t *ret_name)
{
    enum err e = b->count == 0 ? OK : put(b, db, 0, b->count, ret_name);
    batch_empty(b);
    return e;
}
