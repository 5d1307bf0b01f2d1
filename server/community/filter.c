/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Alphabets first, the special before the general (Persian is written in Arabic letters, and some
 * of its own), then words.
 */
#include "community/filter.h"

#include "base/utf8.h"

struct range {
    uint32_t first, last;
};

static const struct range persian[] = {
    {0x621, 0x628}, {0x62a, 0x63a}, {0x641, 0x642}, {0x644, 0x648}, {0x64e, 0x651},
    {0x655, 0x655}, {0x67e, 0x67e}, {0x686, 0x686}, {0x698, 0x698}, {0x6a9, 0x6a9},
    {0x6af, 0x6af}, {0x6be, 0x6be}, {0x6cc, 0x6cc},
};
static const struct range arabic[] = {
    {0x600, 0x6ff}, {0x750, 0x77f}, {0x8a0, 0x8ff}, {0xfb50, 0xfdff}, {0xfe70, 0xfefe},
};
static const struct range cyrillic[] = {{0x400, 0x4ff}};

static const struct {
    enum alphabet alphabet;
    enum filter_type hit;
    const struct range *ranges;
    size_t count;
} alphabets[] = {
    {ALPHABET_PERSIAN, FILTER_PERSIAN, persian, COUNT_OF(persian)},
    {ALPHABET_ARABIC, FILTER_ARABIC, arabic, COUNT_OF(arabic)},
    {ALPHABET_CYRILLIC, FILTER_CYRILLIC, cyrillic, COUNT_OF(cyrillic)},
};

static bool has_letter_of(struct span text, const struct range *ranges, size_t count)
{
    while (text.len > 0) {
        uint32_t c = utf8_next(&text);
        for (size_t i = 0; i < count; i++)
            if (c >= ranges[i].first && c <= ranges[i].last)
                return true;
    }
    return false;
}

enum filter_type filter_judge(const struct filters *filters, const struct words *words,
                              const struct post_text *text)
{
    for (size_t i = 0; i < COUNT_OF(alphabets); i++)
        if ((filters->alphabets & alphabets[i].alphabet) != 0 &&
            has_letter_of(text->body, alphabets[i].ranges, alphabets[i].count))
            return alphabets[i].hit;
    if (filters->profanity && (words_found(words, text->body) || words_found(words, text->name)))
        return FILTER_PROFANITY;
    return FILTER_ANY;
}

bool filter_is_silent(const struct filters *filters, enum filter_type hit)
{
    return hit == FILTER_PROFANITY ? filters->profanity_silent : filters->alphabet_silent;
}
