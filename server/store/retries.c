/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of what repeated posts are recognised by.
 */
#include "store/retries.h"

#include "base/clock.h"
#include "store/internal.h"

static struct span *as_spans(struct arena *mem, const struct fingerprint *digests, size_t count)
{
    struct span *spans = ARENA_ARRAY(mem, count, struct span);
    for (size_t i = 0; spans != NULL && i < count; i++)
        spans[i] = SPAN_OF_KEY(&digests[i]);
    return spans;
}

static bool read_found(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct retry_found *f = element;
    *f = (struct retry_found){.place = (size_t)row_i64(row, 0),
                              .id = row_i64(row, 1),
                              .posted = row_f64(row, 2),
                              .seqno_creation = row_i64(row, 3),
                              .state = (enum message_state)row_i64(row, 4),
                              .whisper_mods = row_bool(row, 5),
                              .has_whisper_to = !row_is_null(row, 6)};
    if (f->has_whisper_to)
        row_key(row, 6, f->whisper_to.b, sizeof(f->whisper_to.b));
    return true;
}

enum err retries_find(struct db *db, struct arena *mem, const struct fingerprint *digests,
                      size_t count, int64_t now_ms, struct retry_found **ret_found,
                      size_t *ret_count)
{
    struct span *spans = as_spans(mem, digests, count);
    if (spans == NULL)
        return ERR_NO_MEMORY;
    AUTO_ROWS struct rows rows = {0};
    void *found = NULL;
    enum err e = DB_RUN(db, "retries.find", &rows, PARAM_ARRAY(P_BYTES_ARRAY, spans, count),
                        PARAM_I64(now_ms / SECOND_MS));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct retry_found), read_found, &found, ret_count);
    if (e == OK)
        *ret_found = found;
    return e;
}

enum err retries_keep(struct db *db, struct arena *mem, const struct fingerprint *digests,
                      const int64_t *messages, size_t count, int64_t now_ms)
{
    struct span *spans = as_spans(mem, digests, count);
    if (spans == NULL)
        return ERR_NO_MEMORY;
    return DB_RUN(db, "retries.keep", NULL, PARAM_ARRAY(P_BYTES_ARRAY, spans, count),
                  PARAM_ARRAY(P_I64_ARRAY, messages, count),
                  PARAM_I64(now_ms / SECOND_MS + RETRIES_KEPT_S));
}

enum err retries_expire(struct db *db, int64_t now_ms, int64_t limit, int64_t *ret_removed)
{
    return STORE_ONE_I64(db, "retries.expire", ret_removed, PARAM_I64(now_ms / SECOND_MS),
                         PARAM_I64(limit));
}
