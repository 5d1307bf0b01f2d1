/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Merging rows from the least to the most special one. All text is copied behind the struct, in one
 * block.
 */
#include "state/filters.h"

#include "base/mem.h"

static const char default_name[] = "SOGS"; /* PySOGS's, docs/protocol/community.md, 4.2 */

static bool told(enum tristate value, bool so_far)
{
    return value == TRI_NULL ? so_far : value == TRI_YES;
}

/* Rows come with that of every room first. */
static void merge_rows(struct filters *f, const struct filter_row *rows, size_t count)
{
    f->alphabet_silent = f->profanity_silent = true;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].alphabets >= 0)
            f->alphabets = (unsigned)rows[i].alphabets;
        f->alphabet_silent = told(rows[i].alphabet_silent, f->alphabet_silent);
        f->profanity = told(rows[i].profanity, f->profanity);
        f->profanity_silent = told(rows[i].profanity_silent, f->profanity_silent);
        f->moderators = told(rows[i].moderators, f->moderators);
    }
}

static bool covers(enum filter_type row, enum filter_type hit)
{
    return row == FILTER_ANY || row == hit || (row == FILTER_ALPHABET && hit != FILTER_PROFANITY);
}

static struct span keep(uint8_t **to, struct span s)
{
    struct span kept = span_of(*to, s.len);
    if (s.len > 0)
        memcpy(*to, s.p, s.len);
    *to += s.len;
    return kept;
}

static void set_texts(struct filter_answer *a, struct span lines)
{
    a->text_count = 0;
    while (lines.len > 0 && a->text_count < FILTER_TEXTS_MAX) {
        size_t n = span_find(lines, '\n');
        if (n > 0)
            a->texts[a->text_count++] = span_first(lines, n);
        lines = span_skip(lines, n + 1);
    }
}

/*
 * Within a room the order of types is that of being special (enum filter_type), and so rows are
 * sorted.
 */
static void merge_replies(struct filters *f, enum filter_type hit,
                          const struct filter_reply_row *rows, size_t count)
{
    struct filter_answer *a = &f->answers[hit];
    a->name = span_of_text(default_name);
    for (size_t i = 0; i < count; i++) {
        if (!covers(rows[i].type, hit))
            continue;
        if (rows[i].texts.p != NULL)
            set_texts(a, rows[i].texts);
        if (rows[i].name.p != NULL)
            a->name = rows[i].name;
        a->public = told(rows[i].public, a->public);
    }
}

static size_t text_bytes(const struct filters *f)
{
    size_t bytes = f->room_token.len + f->room_name.len;
    for (size_t t = 0; t < FILTER_TYPES; t++) {
        bytes += f->answers[t].name.len;
        for (size_t i = 0; i < f->answers[t].text_count; i++)
            bytes += f->answers[t].texts[i].len;
    }
    return bytes;
}

enum err filters_new(const struct filters_source *from, struct filters **ret_filters)
{
    struct filters made = {.room_token = from->room_token, .room_name = from->room_name};
    merge_rows(&made, from->rows, from->count);
    if (made.alphabets == 0 && !made.profanity) {
        *ret_filters = NULL;
        return OK;
    }
    for (enum filter_type hit = FILTER_PROFANITY; hit < FILTER_TYPES; hit++)
        merge_replies(&made, hit, from->replies, from->reply_count);
    size_t bytes = sizeof(made) + text_bytes(&made);
    struct filters *f = mem_alloc(bytes);
    if (f == NULL)
        return ERR_NO_MEMORY;
    memcpy(f, &made, sizeof(made));
    f->bytes = bytes;
    atomic_init(&f->references, 1);
    uint8_t *to = (uint8_t *)(f + 1);
    f->room_token = keep(&to, f->room_token);
    f->room_name = keep(&to, f->room_name);
    for (size_t t = 0; t < FILTER_TYPES; t++) {
        f->answers[t].name = keep(&to, f->answers[t].name);
        for (size_t i = 0; i < f->answers[t].text_count; i++)
            f->answers[t].texts[i] = keep(&to, f->answers[t].texts[i]);
    }
    *ret_filters = f;
    return OK;
}

struct filters *filters_hold(struct filters *f)
{
    if (f != NULL)
        atomic_fetch_add(&f->references, 1);
    return f;
}

void filters_release(struct filters *f)
{
    if (f != NULL && atomic_fetch_sub(&f->references, 1) == 1)
        mem_free(f);
}
