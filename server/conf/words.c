/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of words under a hash that does not tell look-alikes apart, so that one look-up finds
 * whatever a word of the text may stand for; then letter is held against letter.
 */
#include "conf/words.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

/* One word, in lower case. */
struct word {
    uint32_t at, len; /* in characters */
};

struct words {
    uint32_t *characters; /* of all words, one after the other */
    size_t character_count;
    struct word *table; /* open addressing; len 0: free */
    size_t capacity;    /* a power of two */
    size_t count;
};

/* ---- letters ---- */

/* Simple case folding for the alphabets that have case and of which swearing is made. */
static uint32_t lower(uint32_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c + 32;
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
        (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x100 && c <= 0x17f && c != 0x130 && c != 0x131 && c != 0x138 && c != 0x149 &&
        c != 0x178 && c != 0x17f) {
        /* Latin Extended-A: pairs, upper first; from 139 to 148 and 179 to 17E they begin odd. */
        bool odd_first = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
        return ((c & 1) != 0) == odd_first ? c + 1 : c;
    }
    return c >= 0x400 && c <= 0x40f ? c + 80 : c;
}

/* What people write in the place of letters. '1', '!' and '|' stand for two of them. */
static const struct stand_in {
    char sign, letter;
} stand_ins[] = {
    {'4', 'a'}, {'@', 'a'}, {'8', 'b'}, {'3', 'e'}, {'9', 'g'}, {'6', 'g'},
    {'1', 'i'}, {'!', 'i'}, {'|', 'i'}, {'1', 'l'}, {'!', 'l'}, {'|', 'l'},
    {'0', 'o'}, {'5', 's'}, {'$', 's'}, {'7', 't'}, {'+', 't'}, {'2', 'z'},
};

/* c of a text may stand for letter of a word; both in lower case. */
static bool stands_for(uint32_t c, uint32_t letter)
{
    if (c == letter)
        return true;
    for (size_t i = 0; i < COUNT_OF(stand_ins); i++)
        if (c == (uint32_t)stand_ins[i].sign && letter == (uint32_t)stand_ins[i].letter)
            return true;
    return false;
}

/* One representative for all that may stand for each other. */
static uint32_t look_alike(uint32_t c)
{
    for (size_t i = 0; i < COUNT_OF(stand_ins); i++)
        if (c == (uint32_t)stand_ins[i].sign) {
            c = (uint32_t)stand_ins[i].letter;
            break;
        }
    return c == 'l' ? 'i' : c;
}

static bool is_sign(uint32_t c)
{
    return c == '@' || c == '!' || c == '|' || c == '$' || c == '+';
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* Written but not seen: taking it out leaves the word. */
static bool is_invisible(uint32_t c)
{
    return c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x2060 && c <= 0x2064) ||
           (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff;
}

static bool is_letter(uint32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c < 0xc0)
        return c == 0xaa || c == 0xb5 || c == 0xba;
    /* Punctuation, symbols and pictures; everything else beyond ASCII is taken for letters. */
    return c != 0xd7 && c != 0xf7 && !(c >= 0x2000 && c <= 0x2bff) &&
           !(c >= 0x3000 && c <= 0x303f) && !(c >= 0xe000 && c <= 0xf8ff) &&
           !(c >= 0xfff0 && c <= 0xffff) && !(c >= 0x1f000 && c <= 0x1faff);
}

static bool is_of_word(uint32_t c)
{
    return is_letter(c) || is_digit(c) || is_sign(c);
}

/* ---- the table ---- */

static uint32_t hash_of(const uint32_t *characters, size_t len)
{
    uint32_t h = 2166136261U; /* FNV-1a; the list is the operator's, nobody makes it collide */
    for (size_t i = 0; i < len; i++)
        h = (h ^ look_alike(characters[i])) * 16777619U;
    return h;
}

static bool fits(const struct words *w, const struct word *word, const uint32_t *characters,
                 size_t len)
{
    if (word->len != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!stands_for(characters[i], w->characters[word->at + i]))
            return false;
    return true;
}

static bool is_listed(const struct words *w, const uint32_t *characters, size_t len)
{
    size_t place = hash_of(characters, len) & (w->capacity - 1);
    for (; w->table[place].len != 0; place = (place + 1) & (w->capacity - 1))
        if (fits(w, &w->table[place], characters, len))
            return true;
    return false;
}

static void add(struct words *w, const uint32_t *characters, size_t len)
{
    if (is_listed(w, characters, len))
        return;
    size_t place = hash_of(characters, len) & (w->capacity - 1);
    while (w->table[place].len != 0)
        place = (place + 1) & (w->capacity - 1);
    w->table[place] = (struct word){(uint32_t)w->character_count, (uint32_t)len};
    memcpy(w->characters + w->character_count, characters, len * sizeof(*characters));
    w->character_count += len;
    w->count++;
}

/* False: not one word. A word of digits alone would never be looked for. */
static bool add_line(struct words *w, struct span line)
{
    uint32_t characters[WORD_MAX_CHARACTERS];
    size_t len = 0, letters = 0;
    while (line.len > 0) {
        uint32_t c = lower(utf8_next(&line));
        if (is_invisible(c)) /* texts are looked at without them, too */
            continue;
        if (len == WORD_MAX_CHARACTERS || !is_of_word(c))
            return false;
        letters += is_letter(c);
        characters[len++] = c;
    }
    if (letters == 0)
        return false;
    add(w, characters, len);
    return true;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = span_skip(s, 1);
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t' || s.p[s.len - 1] == '\r'))
        s.len--;
    return s;
}

static struct words *make(struct span text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.p[i] == '\n';
    struct words *w = MEM_NEW(struct words);
    if (w == NULL)
        return NULL;
    for (w->capacity = 16; w->capacity < 2 * lines; w->capacity *= 2)
        ;
    w->characters = mem_alloc_zero(text.len + 1, sizeof(*w->characters));
    w->table = mem_alloc_zero(w->capacity, sizeof(*w->table));
    if (w->characters != NULL && w->table != NULL)
        return w;
    words_free(w);
    return NULL;
}

enum err words_new(struct span text, struct words **ret_words, size_t *ret_line)
{
    if (text.len > WORDS_FILE_MAX_BYTES)
        return ERR_TOO_LARGE;
    struct words *w = make(text);
    if (w == NULL)
        return ERR_NO_MEMORY;
    for (size_t line_number = 1; text.len > 0; line_number++) {
        size_t n = span_find(text, '\n');
        struct span line = trim(span_first(text, n));
        text = span_skip(text, n + 1);
        if (line.len == 0 || line.p[0] == '#' || add_line(w, line))
            continue;
        *ret_line = line_number;
        words_free(w);
        return ERR_MALFORMED;
    }
    *ret_words = w;
    return OK;
}

enum err words_load(const char *path, struct words **ret_words, size_t *ret_line)
{
    AUTO_BUF struct buf text = buf_make(WORDS_FILE_MAX_BYTES + KIB(16));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_MISSING;
    ssize_t got = 1;
    while (got > 0 || (got < 0 && errno == EINTR)) {
        uint8_t *to = buf_reserve(&text, KIB(16));
        got = to != NULL ? read(fd, to, KIB(16)) : 0;
        if (got > 0)
            buf_commit(&text, (size_t)got);
    }
    (void)close(fd);
    if (got < 0)
        return ERR_MISSING;
    enum err e = buf_verdict(&text);
    return e == OK ? words_new(buf_span(&text), ret_words, ret_line) : e;
}

void words_free(struct words *w)
{
    if (w == NULL)
        return;
    mem_free(w->characters);
    mem_free(w->table);
    mem_free(w);
}

/* ---- a text ---- */

/* A word of the text; the signs around it may be letters, or punctuation. */
static bool is_unwanted(const struct words *w, const uint32_t *characters, size_t len)
{
    size_t before = 0, behind = len, letters = 0;
    for (size_t i = 0; i < len; i++)
        letters += is_letter(characters[i]);
    if (letters == 0) /* 455 is a number */
        return false;
    while (is_sign(characters[before]))
        before++;
    while (is_sign(characters[behind - 1]))
        behind--;
    return is_listed(w, characters, len) || is_listed(w, characters + before, len - before) ||
           is_listed(w, characters, behind) || is_listed(w, characters + before, behind - before);
}

bool words_found(const struct words *w, struct span text)
{
    uint32_t characters[WORD_MAX_CHARACTERS + 1];
    size_t len = 0;
    if (w == NULL || w->count == 0)
        return false;
    for (bool end = false; !end;) {
        end = text.len == 0;
        uint32_t c = end ? ' ' : utf8_next(&text);
        if (is_invisible(c))
            continue;
        if (is_of_word(c)) {
            if (len <= WORD_MAX_CHARACTERS) /* longer than any word of ours: only that is kept */
                characters[len++] = lower(c);
            continue;
        }
        if (len > 0 && len <= WORD_MAX_CHARACTERS && is_unwanted(w, characters, len))
            return true;
        len = 0;
    }
    return false;
}
