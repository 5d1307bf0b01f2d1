/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON documents: the typed reader as handlers use it; the reader of plain JSON against it (what that one takes, the other
 * takes with the same meaning); and texts written by json_out, which must read back.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "router/json_in.h"
#include "router/json_out.h"
#include "router/json_plain.h"

static const char *const keys[] = {"data", "signature", "whisper_to", "a", "headers", ""};

/* A failure is sticky, so each question has a reading of its own. */
static void ask(struct span text)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
        AUTO_JSON struct json_in in = json_in_object(mem, text);
        struct span value = json_text_or(&in, keys[i], SPAN(""));
        if (json_ok(&in))
            HOLDS(utf8_valid(value) && span_find(value, '\0') == value.len);
        AUTO_JSON struct json_in bytes = json_in_object(mem, text);
        (void)json_base64(&bytes, keys[i]);
        AUTO_JSON struct json_in number = json_in_object(mem, text);
        (void)json_int(&number, keys[i]);
        AUTO_JSON struct json_in truth = json_in_object(mem, text);
        (void)json_bool_or(&truth, keys[i], false);
    }
}

static const json_t *same_member(const json_t *root, const struct json_plain *plain,
                                 const struct json_plain_member *m)
{
    const json_t *object = root;
    if (m->within > 0) {
        struct span outer = plain->members[m->within - 1].key;
        object = json_object_getn(root, (const char *)outer.p, outer.len);
    }
    return json_object_getn(object, (const char *)m->key.p, m->key.len);
}

static void compare(struct span text)
{
    struct json_plain plain;
    if (!json_plain_read(text, &plain))
        return;
    AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
    AUTO_JSON struct json_in in = json_in_object(mem, text);
    HOLDS(json_ok(&in));
    for (size_t i = 0; i < plain.count; i++) {
        const struct json_plain_member *m = &plain.members[i];
        const json_t *value = same_member(in.root, &plain, m);
        HOLDS(value != NULL && fuzz_within(m->key, text) && fuzz_within(m->value, text));
        struct span meant = {NULL, 0};
        int64_t number = 0;
        HOLDS(json_plain_value(m, mem, &meant) == OK);
        switch (m->kind) {
        case JSON_PLAIN_TEXT:
            HOLDS(json_is_string(value) && json_string_length(value) == meant.len &&
                  (meant.len == 0 || memcmp(json_string_value(value), meant.p, meant.len) == 0));
            break;
        case JSON_PLAIN_NUMBER:
            HOLDS(json_is_integer(value) && span_to_i64(m->value, &number) == OK &&
                  number == json_integer_value(value));
            break;
        case JSON_PLAIN_OBJECT:
            HOLDS(json_is_object(value));
            break;
        default:
            HOLDS(false);
        }
    }
}

static void write_back(struct span text)
{
    if (!utf8_valid(text))
        return;
    AUTO_BUF struct buf out = buf_make(8 * text.len + 16);
    json_out_text(&out, text);
    HOLDS(buf_verdict(&out) == OK);
    json_t *value =
        json_loadb((const char *)out.p, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    HOLDS(json_is_string(value) && json_string_length(value) == text.len);
    HOLDS(text.len == 0 || memcmp(json_string_value(value), text.p, text.len) == 0);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes copy = fuzz_copy(data, size);
    ask(span_of_bytes(copy));
    compare(span_of_bytes(copy));
    write_back(span_of_bytes(copy));
    free(copy.p);
    return 0;
}
