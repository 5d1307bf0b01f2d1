/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading tests/vectors from a cmocka test: every missing file, key or digit fails the test that
 * asked for it, and every list is asked for with the number of cases it must have at least, so that
 * nothing is skipped silently.
 */
#ifndef CONCLAVE_TESTS_UNIT_VECTORS_H
#define CONCLAVE_TESTS_UNIT_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/span.h"

/* The whole file; free with json_decref. */
static inline json_t *vectors_load(const char *file)
{
    const char *folder = getenv("VECTORS");
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : "tests/vectors", file);
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (root == NULL)
        fail_msg("%s: %s", path, error.text);
    return root;
}

static inline const json_t *vectors_list(const json_t *object, const char *key, size_t at_least)
{
    const json_t *list = json_object_get(object, key);
    if (json_array_size(list) < at_least)
        fail_msg("%s: %zu cases, expected at least %zu", key, json_array_size(list), at_least);
    return list;
}

static inline struct span vector_text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        fail_msg("%s is not a string", key);
    return span_of(json_string_value(value), json_string_length(value));
}

/*
 * The bytes written as hex under key, into memory of exactly their size (so that a sanitizer sees
 * the end).
 */
static inline struct bytes vector_bytes(const json_t *object, const char *key)
{
    struct span text = vector_text(object, key);
    struct bytes out = {test_malloc(text.len / 2 + (text.len == 0)), text.len / 2};
    if (hex_read(text, out.p, out.len) != OK)
        fail_msg("%s is not hex", key);
    return out;
}

/* Exactly size bytes written as hex under key. */
static inline void vector_hex(const json_t *object, const char *key, uint8_t *out, size_t size)
{
    if (hex_read(vector_text(object, key), out, size) != OK)
        fail_msg("%s is not %zu bytes of hex", key, size);
}

#define VECTOR_KEY(object, key, typed) vector_hex((object), (key), (typed)->b, sizeof((typed)->b))

static inline void assert_span_equal(struct span a, struct span b)
{
    assert_int_equal(a.len, b.len);
    if (a.len != 0)
        assert_memory_equal(a.p, b.p, a.len);
}

#endif
