/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the parts of an inner request: endpoint, method, headers, query. One place for
 * percent-decoding, so that what is signed, what is routed and what a handler reads can never
 * differ.
 */
#include "router/request.h"

#include "base/arena.h"
#include "base/utf8.h"

/* ---- headers ---- */

bool request_find_header(const struct request *req, const char *name, struct span *ret_value)
{
    struct span wanted = span_of_text(name);
    for (size_t i = req->header_count; i-- > 0;) {
        if (!span_eq_nocase(req->headers[i].name, wanted))
            continue;
        *ret_value = req->headers[i].value;
        return true;
    }
    return false;
}

struct span request_header(const struct request *req, const char *name)
{
    struct span value = {NULL, 0};
    (void)request_find_header(req, name, &value);
    return value;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trimmed(struct span s)
{
    while (s.len > 0 && is_blank(s.p[0]))
        s = span_skip(s, 1);
    while (s.len > 0 && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

bool request_is_json(const struct request *req)
{
    struct span value = request_header(req, "content-type");
    return span_eq_nocase(trimmed(span_first(value, span_find(value, ';'))),
                          SPAN("application/json"));
}

/* ---- percent escapes ---- */

/* Value of a hex digit, or -1. */
static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* In a query '+' stands for a blank, in a path for itself. */
enum escapes { ESCAPES_OF_PATH, ESCAPES_OF_QUERY };

/* Always a copy in mem: what comes in may live in a JSON tree that is gone before the request. */
static enum err decode(struct arena *mem, struct span text, enum escapes escapes,
                       struct span *ret_decoded)
{
    uint8_t *out = arena_alloc(mem, text.len);
    if (out == NULL)
        return ERR_NO_MEMORY;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.p[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return ERR_MALFORMED;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && escapes == ESCAPES_OF_QUERY) {
            c = ' ';
        }
        if (c == 0)
            return ERR_MALFORMED;
        out[len++] = c;
    }
    struct span decoded = span_of(out, len);
    if (!utf8_valid(decoded))
        return ERR_MALFORMED;
    *ret_decoded = decoded;
    return OK;
}

/* ---- query ---- */

enum err request_query(const struct request *req, struct arena *mem, const char *name,
                       bool *ret_found, struct span *ret_value)
{
    struct span wanted = span_of_text(name);
    struct span rest = req->query;
    while (rest.p != NULL && rest.len > 0) {
        struct span pair = span_first(rest, span_find(rest, '&'));
        rest = span_skip(rest, pair.len + 1);
        struct span key = span_first(pair, span_find(pair, '='));
        if (!span_eq(key, wanted))
            continue;
        enum err e = decode(mem, span_skip(pair, key.len + 1), ESCAPES_OF_QUERY, ret_value);
        if (e == OK)
            *ret_found = true;
        return e;
    }
    *ret_found = false;
    return OK;
}

enum err request_signed_int(struct span text, int64_t *ret_value)
{
    text = trimmed(text);
    bool negative = span_starts_with(text, SPAN("-"));
    if (negative || span_starts_with(text, SPAN("+")))
        text = span_skip(text, 1);
    int64_t value = 0;
    enum err e = span_to_i64(text, &value);
    if (e == ERR_TOO_LARGE)
        value = INT64_MAX;
    else if (e != OK)
        return e;
    *ret_value = negative ? -value : value;
    return OK;
}

static int64_t clamped(int64_t value, const struct int_range *range)
{
    if (value < range->min)
        return range->min;
    return value > range->max ? range->max : value;
}

enum err request_query_int(const struct request *req, struct arena *mem, const char *name,
                           struct int_range range, int64_t *ret_value)
{
    bool found = false;
    struct span text = {NULL, 0};
    enum err e = request_query(req, mem, name, &found, &text);
    if (e != OK)
        return e;
    if (!found) {
        *ret_value = range.fallback;
        return OK;
    }
    int64_t value = 0;
    e = request_signed_int(text, &value);
    if (e == OK)
        *ret_value = clamped(value, &range);
    return e;
}

/* ---- endpoint and method ---- */

/* Android asks for "//file": its base address ends in a slash and its paths begin with one. */
static struct span with_one_leading_slash(struct span path)
{
    while (path.len > 1 && path.p[1] == '/')
        path = span_skip(path, 1);
    return path;
}

enum err request_set_endpoint(struct request *req, struct arena *mem, struct span endpoint)
{
    if (endpoint.len > REQUEST_PATH_MAX_BYTES || !span_starts_with(endpoint, SPAN("/")))
        return ERR_MALFORMED;
    size_t mark = span_find(endpoint, '?');
    struct span raw_query = span_skip(endpoint, mark + 1);
    if (span_find(raw_query, 0) != raw_query.len || !utf8_valid(raw_query))
        return ERR_MALFORMED;
    struct span path = {NULL, 0};
    enum err e = decode(mem, span_first(endpoint, mark), ESCAPES_OF_PATH, &path);
    if (e != OK)
        return e;
    struct span query = arena_dup(mem, raw_query);
    if (query.len != raw_query.len)
        return ERR_NO_MEMORY;
    req->path = with_one_leading_slash(path);
    req->query = query;
    return OK;
}

static enum method method_of(struct span upper)
{
    static const struct {
        struct span name;
        enum method method;
    } known[] = {
        {{(const uint8_t *)"GET", 3}, METHOD_GET},
        {{(const uint8_t *)"POST", 4}, METHOD_POST},
        {{(const uint8_t *)"PUT", 3}, METHOD_PUT},
        {{(const uint8_t *)"DELETE", 6}, METHOD_DELETE},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (span_eq(upper, known[i].name))
            return known[i].method;
    }
    return METHOD_OTHER;
}

enum err request_set_method(struct request *req, struct arena *mem, struct span method)
{
    if (method.len == 0)
        return ERR_MALFORMED;
    uint8_t *upper = arena_alloc(mem, method.len);
    if (upper == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < method.len; i++) {
        uint8_t c = method.p[i];
        bool lower = c >= 'a' && c <= 'z';
        if (!lower && !(c >= 'A' && c <= 'Z'))
            return ERR_MALFORMED;
        upper[i] = lower ? (uint8_t)(c - 'a' + 'A') : c;
    }
    req->method_text = span_of(upper, method.len);
    req->method = method_of(req->method_text);
    return OK;
}
