/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words that must not be found where they do not belong: each is looked for as it is, in hex
 * (either case), in base64 at each of its three offsets, and percent-encoded. A list is filled
 * first, then texts are searched for all of them.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_MARKS_H
#define CONCLAVE_TESTS_INTEGRATION_MARKS_H

#include "base/buf.h"

enum { MARKS_MAX = 128, MARK_FORMS_MAX = 8, MARK_BYTES_MIN = 6 };

struct mark {
    const char *name; /* what it is, for people */
    struct buf forms[MARK_FORMS_MAX];
    size_t form_count;
};

struct marks {
    struct mark list[MARKS_MAX];
    size_t count;
};

/*
 * bytes are copied in all forms; at least MARK_BYTES_MIN of them, since shorter ones are found by
 * chance.
 */
void marks_add(struct marks *m, const char *name, struct span bytes);
void marks_add_text(struct marks *m, const char *name, const char *text);
void marks_done(struct marks *m);

/*
 * How many marks occur in text; each is told on stderr with `where` and what stands around it.
 * Upper and lower case count as the same.
 */
size_t marks_found(const struct marks *m, const char *where, struct span text);

#endif
