/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content-Disposition as the three clients write it, and as they read it.
 */
#include "files/header.h"

#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/utf8.h"

/*
 * Characters of an HTTP date with its NUL; a far year may make it longer, and then there is none.
 */
enum { DATE_CHARS = 32 };
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* ---- reading ---- */

static struct span skip_blanks(struct span s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = span_skip(s, 1);
    return s;
}

static struct span without_trailing_blanks(struct span s)
{
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/*
 * One ";name=value" from the front: the value without its quotes, escapes inside still there. False
 * at the end.
 */
static bool next_parameter(struct span *rest, struct span *ret_name, struct span *ret_value,
                           bool *ret_quoted)
{
    size_t semicolon = span_find(*rest, ';');
    if (semicolon == rest->len)
        return false;
    struct span s = skip_blanks(span_skip(*rest, semicolon + 1));
    size_t equals = span_find(s, '='), end = span_find(s, ';');
    *ret_name = without_trailing_blanks(span_first(s, equals < end ? equals : end));
    *ret_value = (struct span){NULL, 0};
    *ret_quoted = false;
    *rest = span_skip(s, end);
    if (equals > end || equals == s.len)
        return true;
    s = skip_blanks(span_skip(s, equals + 1));
    if (s.len == 0 || s.p[0] != '"') {
        *ret_value = without_trailing_blanks(span_first(s, span_find(s, ';')));
        *rest = span_skip(s, span_find(s, ';'));
        return true;
    }
    size_t n = 1;
    while (n < s.len && s.p[n] != '"')
        n += s.p[n] == '\\' ? 2 : 1;
    if (n > s.len)
        n = s.len;
    *ret_value = span_first(span_skip(s, 1), n - 1);
    *ret_quoted = true;
    *rest = span_skip(s, n < s.len ? n + 1 : n);
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* UTF-8''<escaped>; another character set is not read. False: not of that form. */
static bool read_extended(struct span value, struct buf *out)
{
    struct span charset = span_first(value, span_find(value, '\''));
    struct span rest = span_skip(value, charset.len + 1);
    if (!span_eq_nocase(charset, SPAN("utf-8")) || span_find(rest, '\'') == rest.len)
        return false;
    rest = span_skip(rest, span_find(rest, '\'') + 1); /* the language */
    for (size_t i = 0; i < rest.len; i++) {
        int high = -1, low = -1;
        if (rest.p[i] == '%' && i + 2 < rest.len) {
            high = hex_digit(rest.p[i + 1]);
            low = hex_digit(rest.p[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            buf_put_byte(out, (uint8_t)(high << 4 | low));
            i += 2;
        } else {
            buf_put_byte(out, rest.p[i]);
        }
    }
    return true;
}

static void read_plain(struct span value, bool quoted, struct buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        if (quoted && value.p[i] == '\\' && i + 1 < value.len)
            i++;
        buf_put_byte(out, value.p[i]);
    }
}

/* As it is kept. */
static enum err keep(struct arena *mem, struct span name, size_t max, struct span *ret_name)
{
    AUTO_BUF struct buf kept = buf_make(name.len * sizeof(REPLACEMENT) + 1);
    for (size_t i = 0; i < name.len; i++) {
        if (name.p[i] == 0 || name.p[i] == '/')
            buf_put_text(&kept, REPLACEMENT);
        else
            buf_put_byte(&kept, name.p[i]);
    }
    enum err e = buf_verdict(&kept);
    if (e != OK)
        return e;
    struct span cut = span_first(buf_span(&kept), max);
    while (cut.len > 0 && cut.len < kept.len && (kept.p[cut.len] & 0xc0) == 0x80)
        cut.len--;
    *ret_name = arena_dup(mem, cut);
    return ret_name->len == cut.len ? OK : ERR_NO_MEMORY;
}

enum err header_name_read(struct arena *mem, struct span value, size_t max, struct span *ret_name)
{
    struct span rest = value, parameter, text;
    bool quoted, extended = false;
    AUTO_BUF struct buf name = buf_make(value.len + 1);
    *ret_name = (struct span){NULL, 0};
    while (!extended && next_parameter(&rest, &parameter, &text, &quoted)) {
        AUTO_BUF struct buf read = buf_make(value.len + 1);
        extended = span_eq_nocase(parameter, SPAN("filename*")) && read_extended(text, &read);
        if (!extended && span_eq_nocase(parameter, SPAN("filename")))
            read_plain(text, quoted, &read);
        if (buf_verdict(&read) != OK)
            return ERR_NO_MEMORY;
        if (read.len == 0 || !utf8_valid(buf_span(&read))) {
            extended = false;
            continue;
        }
        buf_reset(&name);
        buf_put(&name, buf_span(&read));
    }
    if (buf_verdict(&name) != OK)
        return ERR_NO_MEMORY;
    if (name.len == 0)
        return OK;
    return keep(mem, buf_span(&name), max, ret_name);
}

/* ---- writing ---- */

/* Everything else is escaped, so that nothing in a name can end the header or start another. */
static bool is_bare(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '~' || c == '/';
}

struct span header_name_write(struct arena *mem, struct span name)
{
    static const char hex[] = "0123456789ABCDEF";
    if (name.len == 0)
        return SPAN("attachment");
    struct span start = SPAN("attachment; filename*=UTF-8''");
    uint8_t *out = arena_alloc(mem, start.len + 3 * name.len);
    if (out == NULL)
        return (struct span){NULL, 0};
    memcpy(out, start.p, start.len);
    size_t len = start.len;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.p[i];
        if (is_bare(c)) {
            out[len++] = c;
            continue;
        }
        out[len++] = '%';
        out[len++] = (uint8_t)hex[c >> 4];
        out[len++] = (uint8_t)hex[c & 15];
    }
    return span_of(out, len);
}

struct span header_date(struct arena *mem, double seconds)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t t = (time_t)seconds;
    struct tm tm;
    char *out = arena_alloc(mem, DATE_CHARS);
    if (!out || !gmtime_r(&t, &tm))
        return (struct span){0};
    int n = snprintf(out, DATE_CHARS, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                     &days[(size_t)tm.tm_wday * 3], tm.tm_mday, &months[(size_t)tm.tm_mon * 3],
                     tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return span_of(out, n > 0 && n < DATE_CHARS ? (size_t)n : 0);
}
