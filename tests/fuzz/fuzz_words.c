/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An operator's list of words and a text to look for them in: the input up to an empty line, and
 * what follows. Every word that is taken into a list is found when somebody writes it.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "conf/words.h"

enum { LIST_WORDS_MAX = 64 };

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = span_skip(s, 1);
    while (s.len > 0 && strchr(" \t\r", s.p[s.len - 1]) != NULL && s.p[s.len - 1] != '\0')
        s.len--;
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes copy = fuzz_copy(data, size);
    struct span all = span_of_bytes(copy), list = all, text = {0};
    struct words *words = NULL;
    size_t bad_line = 0;
    for (size_t i = 0; i + 1 < all.len; i++)
        if (all.p[i] == '\n' && all.p[i + 1] == '\n') {
            list = span_first(all, i + 1);
            text = span_skip(all, i + 2);
            break;
        }
    enum err e = words_new(list, &words, &bad_line);
    HOLDS(e == OK || e == ERR_MALFORMED);
    if (e == OK) {
        struct span rest = list;
        for (size_t i = 0; rest.len > 0 && i < LIST_WORDS_MAX; i++) {
            struct span word = trim(fuzz_line(&rest));
            if (word.len > 0 && word.p[0] != '#')
                HOLDS(words_found(words, word));
        }
        (void)words_found(words, text);
        words_free(words);
    } else {
        HOLDS(bad_line > 0);
    }
    free(copy.p);
    return 0;
}
