/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Jansson behind a ceiling: typed fields of small documents. Apart from the handlers so that every
 * rule about what JSON is acceptable stands in one place. Does not know any document's meaning.
 */
#include "router/json_in.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/mem.h"

/*
 * What the document being parsed on this thread has cost so far. Thread-local, since Jansson's
 * allocator hooks take no context; it means something only while `counting`, between the two ends
 * of one json_loadb.
 */
static _Thread_local size_t parse_bytes;
static _Thread_local bool counting;

/*
 * In front of each block, so that free knows its size; 16 keeps what follows aligned for anything.
 */
enum { BLOCK_HEAD_BYTES = 16 };

static void *counted_alloc(size_t size)
{
    if (size > JSON_MEMORY_MAX_BYTES)
        return NULL;
    size_t whole = size + BLOCK_HEAD_BYTES;
    if (counting && whole > JSON_MEMORY_MAX_BYTES - parse_bytes)
        return NULL;
    uint8_t *block = mem_alloc(whole);
    if (block == NULL)
        return NULL;
    memcpy(block, &whole, sizeof whole);
    if (counting)
        parse_bytes += whole;
    return block + BLOCK_HEAD_BYTES;
}

static void counted_free(void *p)
{
    if (p == NULL)
        return;
    uint8_t *block = (uint8_t *)p - BLOCK_HEAD_BYTES;
    size_t whole;
    memcpy(&whole, block, sizeof whole);
    /* Jansson frees while parsing only what it allocated in the same parse. */
    if (counting)
        parse_bytes -= whole < parse_bytes ? whole : parse_bytes;
    mem_free(block);
}

void json_in_start(void)
{
    json_set_alloc_funcs(counted_alloc, counted_free);
    /* Seeds its hash tables from the system now, before threads: crafted keys must not collide. */
    json_object_seed(0);
}

/*
 * Bracket depth, without looking at anything else: Jansson's own limit (2048) is a compile-time
 * constant of the library, and its recursion would cost more stack than we like to give.
 */
static bool depth_ok(struct span text)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        if (c == '"')
            in_string = true;
        else if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > JSON_MAX_DEPTH)
            return false;
    }
    return true;
}

static json_t *load(struct span text, size_t flags, json_error_t *ret_error)
{
    parse_bytes = 0;
    counting = true;
    json_t *root = json_loadb((const char *)text.p, text.len,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | flags, ret_error);
    counting = false;
    return root;
}

/* ---- integers past 64 bits ---- */

static bool is_number_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static size_t number_len(struct span text)
{
    size_t len = 0;
    while (len < text.len && is_number_byte(text.p[len]))
        len++;
    return len;
}

/* With its quotes; what has no end is as long as the text. */
static size_t string_len(struct span text)
{
    size_t len = 1;
    while (len < text.len && text.p[len] != '"')
        len += text.p[len] == '\\' ? 2 : 1;
    return len < text.len ? len + 1 : text.len;
}

static bool is_past_64_bits(struct span number)
{
    int64_t value;
    if (span_starts_with(number, SPAN("-")))
        number = span_skip(number, 1);
    return !span_starts_with(number, SPAN("0")) && span_to_i64(number, &value) == ERR_TOO_LARGE;
}

/*
 * The text with a value that no field has (see json_in.h) in the place of each integer that Jansson
 * cannot hold.
 */
static void without_large_integers(struct span text, struct buf *out)
{
    while (text.len > 0) {
        size_t number = number_len(text);
        size_t len = number > 0 ? number : text.p[0] == '"' ? string_len(text) : 1;
        struct span piece = span_first(text, len);
        buf_put(out, number > 0 && is_past_64_bits(piece) ? SPAN("[{}]") : piece);
        text = span_skip(text, len);
    }
}

static json_t *parse(struct span text)
{
    json_error_t error;
    if (text.len == 0 || text.len > JSON_MAX_BYTES || !depth_ok(text))
        return NULL;
    json_t *root = load(text, 0, &error);
    if (root != NULL || json_error_code(&error) != json_error_numeric_overflow)
        return root;
    AUTO_BUF struct buf replaced = buf_make(text.len);
    without_large_integers(text, &replaced);
    return buf_verdict(&replaced) == OK ? load(buf_span(&replaced), 0, &error) : NULL;
}

json_t *json_in_value(struct span text)
{
    json_error_t error;
    return load(text, JSON_DECODE_ANY, &error);
}

struct json_in json_in_object(struct arena *mem, struct span text)
{
    struct json_in in = {.root = parse(text), .mem = mem};
    in.failed = !json_is_object(in.root);
    return in;
}

void json_in_done(struct json_in *in)
{
    json_decref(in->root);
    in->root = NULL;
}

/* The member, NULL when absent. After a failure nothing is there. */
static json_t *member(const struct json_in *in, const char *key)
{
    return in->failed ? NULL : json_object_get(in->root, key);
}

static bool given(const json_t *value)
{
    return value != NULL && !json_is_null(value);
}

bool json_has(const struct json_in *in, const char *key)
{
    return given(member(in, key));
}

struct span json_text(struct json_in *in, const char *key)
{
    const json_t *value = member(in, key);
    struct span text = span_of(json_string_value(value), json_string_length(value));
    if (!json_is_string(value) || span_find(text, 0) != text.len) {
        in->failed = true;
        return (struct span){NULL, 0};
    }
    return text;
}

int64_t json_int(struct json_in *in, const char *key)
{
    const json_t *value = member(in, key);
    if (!json_is_integer(value)) {
        in->failed = true;
        return 0;
    }
    return json_integer_value(value);
}

/* 0 and 1 count as booleans too (docs/protocol/community.md, 1.6); any other type is refused. */
bool json_bool(struct json_in *in, const char *key)
{
    const json_t *value = member(in, key);
    if (json_is_boolean(value))
        return json_is_true(value);
    if (json_is_integer(value) &&
        (json_integer_value(value) == 0 || json_integer_value(value) == 1))
        return json_integer_value(value) == 1;
    in->failed = true;
    return false;
}

double json_number(struct json_in *in, const char *key)
{
    const json_t *value = member(in, key);
    if (!json_is_number(value)) {
        in->failed = true;
        return 0;
    }
    return json_number_value(value);
}

struct span json_base64(struct json_in *in, const char *key)
{
    struct span text = json_text(in, key);
    if (in->failed)
        return (struct span){NULL, 0};
    uint8_t *out = arena_alloc(in->mem, base64_max_decoded(text.len));
    size_t len = 0;
    if (out == NULL || base64_read(text, out, &len) != OK) {
        in->failed = true;
        return (struct span){NULL, 0};
    }
    return span_of(out, len);
}

struct span json_text_or(struct json_in *in, const char *key, struct span fallback)
{
    return given(member(in, key)) ? json_text(in, key) : fallback;
}

bool json_bool_or(struct json_in *in, const char *key, bool fallback)
{
    return given(member(in, key)) ? json_bool(in, key) : fallback;
}
