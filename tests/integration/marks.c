/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Forms of a mark, and a search that folds case (so that hex is found in either).
 */
#include "integration/marks.h"

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/base64.h"

enum { FORM_MAX_BYTES = 4096, AROUND = 40 };

static struct buf *add_form(struct mark *k)
{
    assert_true(k->form_count < MARK_FORMS_MAX);
    struct buf *form = &k->forms[k->form_count++];
    *form = buf_make(FORM_MAX_BYTES);
    return form;
}

/*
 * Base64 of bytes that stand `offset` after a multiple of three: without the characters that
 * neighbours share.
 */
static void add_base64(struct mark *k, struct span bytes, size_t offset)
{
    static const size_t shared[] = {0, 2, 3}; /* characters that the bytes in front take part in */
    AUTO_BUF struct buf shifted = buf_make(FORM_MAX_BYTES);
    char text[FORM_MAX_BYTES];
    for (size_t i = 0; i < offset; i++)
        buf_put_byte(&shifted, 0);
    buf_put(&shifted, bytes);
    assert_int_equal(buf_verdict(&shifted), OK);
    size_t whole = shifted.len / 3 * 3; /* what follows takes part in the rest */
    assert_true(base64_len(whole) < sizeof(text));
    base64_write(span_of(shifted.p, whole), text);
    buf_put(add_form(k), span_skip(span_of(text, base64_len(whole)), shared[offset]));
}

void marks_add(struct marks *m, const char *name, struct span bytes)
{
    assert_true(m->count < MARKS_MAX && bytes.len >= MARK_BYTES_MIN);
    struct mark *k = &m->list[m->count++];
    *k = (struct mark){.name = name};
    buf_put(add_form(k), bytes);
    buf_put_hex(add_form(k), bytes);
    for (size_t offset = 0; offset < 3; offset++)
        add_base64(k, bytes, offset);
    struct buf *encoded = add_form(k);
    for (size_t i = 0; i < bytes.len; i++) {
        buf_put_byte(encoded, '%');
        buf_put_hex(encoded, span_of(bytes.p + i, 1));
    }
    for (size_t i = 0; i < k->form_count; i++)
        assert_int_equal(buf_verdict(&k->forms[i]), OK);
}

void marks_add_text(struct marks *m, const char *name, const char *text)
{
    marks_add(m, name, span_of_text(text));
}

void marks_done(struct marks *m)
{
    for (size_t i = 0; i < m->count; i++)
        for (size_t f = 0; f < m->list[i].form_count; f++)
            buf_done(&m->list[i].forms[f]);
    m->count = 0;
}

static bool same_at(const uint8_t *at, struct span form)
{
    for (size_t i = 0; i < form.len; i++)
        if (tolower(at[i]) != tolower(form.p[i]))
            return false;
    return true;
}

static bool find(struct span text, struct span form, size_t *ret_at)
{
    for (size_t at = 0; at + form.len <= text.len; at++)
        if (same_at(text.p + at, form)) {
            *ret_at = at;
            return true;
        }
    return false;
}

size_t marks_found(const struct marks *m, const char *where, struct span text)
{
    size_t found = 0;
    for (size_t i = 0; i < m->count; i++)
        for (size_t f = 0, at = 0; f < m->list[i].form_count; f++) {
            if (!find(text, buf_span(&m->list[i].forms[f]), &at))
                continue;
            size_t from = at > AROUND ? at - AROUND : 0;
            struct span around = span_first(span_skip(text, from), 4 * (size_t)AROUND);
            print_error("%s: %s: ...%.*s...\n", where, m->list[i].name, (int)around.len,
                        (const char *)around.p);
            found++;
            break;
        }
    return found;
}
