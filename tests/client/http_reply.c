/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parser of HTTP replies. Strict where a lie would desynchronise a kept connection, lenient
 * nowhere.
 */
#include "client/http_reply.h"

enum { STATUS_AT = 9, STATUS_LINE_MIN = 12, CHUNK_DIGITS_MAX = 8 };

size_t http_head_length(struct span data)
{
    for (size_t i = 3; i < data.len; i++) {
        if (memcmp(data.p + i - 3, "\r\n\r\n", 4) == 0)
            return i + 1;
    }
    return 0;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = span_skip(s, 1);
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/*
 * The line at the front without its CRLF; data moves past it. Every line has one, as the head ends
 * in CRLFCRLF.
 */
static struct span take_line(struct span *data)
{
    size_t n = span_find(*data, '\n');
    struct span line = span_first(*data, n);
    *data = span_skip(*data, n + 1);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a span with a length has bytes */
    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    return line;
}

static enum err read_field(struct span line, struct http_head *head)
{
    size_t colon = span_find(line, ':');
    if (colon == 0 || colon == line.len)
        return ERR_MALFORMED;
    struct span name = span_first(line, colon);
    struct span value = trim(span_skip(line, colon + 1));
    if (span_eq_nocase(name, SPAN("content-length"))) {
        int64_t length = 0;
        if (head->kind == HTTP_BODY_LENGTH || span_to_i64(value, &length) != OK)
            return ERR_MALFORMED;
        head->kind = HTTP_BODY_LENGTH;
        head->length = (size_t)length;
    } else if (span_eq_nocase(name, SPAN("transfer-encoding"))) {
        if (head->kind == HTTP_BODY_LENGTH || !span_eq_nocase(value, SPAN("chunked")))
            return ERR_MALFORMED;
        head->kind = HTTP_BODY_CHUNKED;
    } else if (span_eq_nocase(name, SPAN("connection"))) {
        head->close = span_eq_nocase(value, SPAN("close"));
    } else if (span_eq_nocase(name, SPAN("content-type")) &&
               value.len < sizeof(head->content_type)) {
        memcpy(head->content_type, value.p, value.len);
        head->content_type[value.len] = '\0';
    }
    return OK;
}

enum err http_head_read(struct span head, struct http_head *ret_head)
{
    struct http_head h = {.kind = HTTP_BODY_UNTIL_CLOSE};
    struct span line = take_line(&head);
    int64_t status = 0;
    if (line.len < STATUS_LINE_MIN || !span_starts_with(line, SPAN("HTTP/1.")) ||
        span_to_i64(span_first(span_skip(line, STATUS_AT), 3), &status) != OK || status < 100)
        return ERR_MALFORMED;
    h.status = (int)status;
    for (line = take_line(&head); line.len > 0; line = take_line(&head)) {
        enum err e = read_field(line, &h);
        if (e != OK)
            return e;
    }
    if (h.status == 204 || h.status == 304) {
        h.kind = HTTP_BODY_LENGTH;
        h.length = 0;
    }
    *ret_head = h;
    return OK;
}

static enum err chunk_size(struct span line, size_t *ret_size)
{
    size_t size = 0;
    struct span digits = trim(span_first(line, span_find(line, ';')));
    if (digits.len == 0 || digits.len > CHUNK_DIGITS_MAX)
        return ERR_MALFORMED;
    for (size_t i = 0; i < digits.len; i++) {
        uint8_t c = digits.p[i];
        size_t digit = 0;
        if (c >= '0' && c <= '9')
            digit = (size_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (size_t)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (size_t)(c - 'A') + 10;
        else
            return ERR_MALFORMED;
        size = size * 16 + digit;
    }
    *ret_size = size;
    return OK;
}

/* First pass: is it complete? Second pass: copy. So that out stays as it was until all is there. */
static enum err walk_chunks(struct span data, struct buf *out)
{
    for (;;) {
        size_t size = 0;
        if (span_find(data, '\n') == data.len)
            return ERR_RETRY;
        enum err e = chunk_size(take_line(&data), &size);
        if (e != OK)
            return e;
        if (size == 0)
            break;
        if (data.len < size + 2)
            return ERR_RETRY;
        if (data.p[size] != '\r' || data.p[size + 1] != '\n')
            return ERR_MALFORMED;
        if (out != NULL)
            buf_put(out, span_first(data, size));
        data = span_skip(data, size + 2);
    }
    /* Trailers, up to the empty line. */
    for (;;) {
        if (span_find(data, '\n') == data.len)
            return ERR_RETRY;
        if (take_line(&data).len == 0)
            break;
    }
    return out == NULL ? OK : buf_verdict(out);
}

enum err http_chunks_read(struct span data, struct buf *out)
{
    enum err e = walk_chunks(data, NULL);
    return e == OK ? walk_chunks(data, out) : e;
}
