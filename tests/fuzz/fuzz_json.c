/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON documents: the typed reader as handlers use it; the two forms of json_flat.h, which must say
 * the same of a plain text; and texts written by json_out, which must read back.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "router/json_in.h"
#include "router/json_out.h"
#include "router/json_flat.h"

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

static void same_span(enum err (*read)(const struct json_flat *, const struct json_member *,
                                       struct span *),
                      const struct json_flat *plain, const struct json_member *in_plain,
                      const struct json_flat *tree, const struct json_member *in_tree)
{
    struct span a = {NULL, 0}, b = {NULL, 0};
    HOLDS(read(plain, in_plain, &a) == read(tree, in_tree, &b) && span_eq(a, b));
}

static void same_member(const struct json_flat *plain, const struct json_member *in_plain,
                        const struct json_flat *tree, const struct json_member *in_tree)
{
    HOLDS(in_plain->tree == NULL && in_tree->tree != NULL && in_plain->kind == in_tree->kind);
    same_span(json_member_key, plain, in_plain, tree, in_tree);
    same_span(json_member_text, plain, in_plain, tree, in_tree);
    same_span(json_member_json, plain, in_plain, tree, in_tree);
}

static void same_object(const struct json_flat *plain, const struct json_member *in_plain,
                        const struct json_flat *tree, const struct json_member *in_tree)
{
    struct json_cursor at_plain = {0}, at_tree = {0};
    struct json_member a, b;
    HOLDS(json_flat_size(plain, in_plain) == json_flat_size(tree, in_tree));
    while (json_flat_next(plain, in_plain, &at_plain, &a)) {
        HOLDS(json_flat_next(tree, in_tree, &at_tree, &b));
        same_member(plain, &a, tree, &b);
    }
    HOLDS(!json_flat_next(tree, in_tree, &at_tree, &b));
}

/* A text that has the plain form reads alike by Jansson alone. */
static void compare(struct span text)
{
    AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
    AUTO_JSON_FLAT struct json_flat flat = {0};
    AUTO_JSON_FLAT struct json_flat tree = {0};
    enum err e = json_flat_read(mem, text, &flat);
    HOLDS(json_flat_read_tree(mem, text, &tree) == e);
    if (e != OK || flat.in.root != NULL)
        return;
    size_t outer = 0;
    for (size_t i = 0; i < flat.plain.count; i++) {
        const struct json_member *m = &flat.plain.members[i];
        struct json_member a, b;
        HOLDS(fuzz_within(m->key, text) && fuzz_within(m->value, text));
        if (m->within > 0)
            continue;
        outer++;
        HOLDS(json_flat_find(&flat, m->key, &a) && json_flat_find(&tree, m->key, &b));
        same_member(&flat, &a, &tree, &b);
        same_object(&flat, &a, &tree, &b);
    }
    HOLDS(outer == json_object_size(tree.in.root));
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
