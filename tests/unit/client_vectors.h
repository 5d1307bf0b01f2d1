/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the client's and the relay's unit tests read vector files: any missing or misspelt field
 * fails the test, so that no case can pass by being absent. Header-only, since every unit test is
 * one program of one file.
 */
#ifndef CONCLAVE_TESTS_UNIT_CLIENT_VECTORS_H
#define CONCLAVE_TESTS_UNIT_CLIENT_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/hex.h"

enum { VECTOR_MAX_BYTES = 1 << 21 };

/* A whole vector file. Release with json_decref. */
static inline json_t *vectors_load(const char *name)
{
    char path[512];
    json_error_t error;
    const char *folder = getenv("VECTORS"); /* the folder is the test runner's to choose */
    (void)snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : "tests/vectors", name);
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (file == NULL)
        fail_msg("%s: %s", path, error.text);
    return file;
}

/* A list that must hold exactly count cases: a shortened file is noticed. */
static inline const json_t *vectors_list(const json_t *at, const char *name, size_t count)
{
    const json_t *list = json_object_get(at, name);
    assert_true(json_is_array(list));
    assert_int_equal(json_array_size(list), count);
    return list;
}

static inline const char *vectors_text(const json_t *at, const char *name)
{
    const char *text = json_string_value(json_object_get(at, name));
    if (text == NULL)
        fail_msg("vector without text \"%s\"", name);
    return text;
}

static inline bool vectors_bool(const json_t *at, const char *name)
{
    assert_true(json_is_boolean(json_object_get(at, name)));
    return json_is_true(json_object_get(at, name));
}

static inline int64_t vectors_int(const json_t *at, const char *name)
{
    assert_true(json_is_integer(json_object_get(at, name)));
    return json_integer_value(json_object_get(at, name));
}

/* Hex of exactly size bytes. */
static inline void vectors_bytes(const json_t *at, const char *name, uint8_t *out, size_t size)
{
    const char *text = vectors_text(at, name);
    if (hex_read(span_of_text(text), out, size) != OK)
        fail_msg("\"%s\" is not %zu bytes of hex", name, size);
}

/* Hex of any length. Release with buf_done. */
static inline struct buf vectors_buf(const json_t *at, const char *name)
{
    const char *text = vectors_text(at, name);
    size_t len = strlen(text) / 2;
    struct buf b = buf_make(VECTOR_MAX_BYTES);
    uint8_t *to = buf_reserve(&b, len + 1);
    assert_non_null(to);
    if (hex_read(span_of_text(text), to, len) != OK)
        fail_msg("\"%s\" is not hex", name);
    buf_commit(&b, len);
    return b;
}

static inline void assert_span_equal(struct span got, struct span want)
{
    assert_int_equal(got.len, want.len);
    if (want.len > 0)
        assert_memory_equal(got.p, want.p, want.len);
}

/* Bytes against the hex under a name. */
static inline void assert_span_is(struct span got, const json_t *at, const char *name)
{
    struct buf want AUTO_BUF = vectors_buf(at, name);
    assert_span_equal(got, buf_span(&want));
}

#define ASSERT_KEY_IS(key, at, name) assert_span_is(SPAN_OF_KEY(key), (at), (name))

#endif
