/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies what a JSON tree says about a request into the request's own memory, since the tree is freed first.
 */
#include "onion/metadata.h"

#include "router/json_out.h"

#define CONTENT_TYPE_NAME "content-type"

enum { NUMBER_TEXT_MAX_BYTES = 64 }; /* a double needs 24 */

static enum err copy(struct arena *mem, struct span text, struct span *ret_copy)
{
    struct span copied = arena_dup(mem, text);
    if (copied.len != text.len)
        return ERR_NO_MEMORY;
    *ret_copy = copied;
    return OK;
}

/* A header's value as text: numbers become their decimal text (protocol 01, 4.3). */
static enum err copy_value(struct arena *mem, const json_t *value, struct span *ret_text)
{
    if (json_is_string(value)) {
        struct span given = span_of(json_string_value(value), json_string_length(value));
        return span_find(given, 0) == given.len ? copy(mem, given, ret_text) : ERR_MALFORMED;
    }
    if (!json_is_number(value))
        return ERR_MALFORMED;
    AUTO_BUF struct buf text = buf_make(NUMBER_TEXT_MAX_BYTES);
    if (json_is_integer(value))
        buf_put_i64(&text, json_integer_value(value));
    else
        json_out_double(&text, json_real_value(value));
    enum err e = buf_verdict(&text);
    return e == OK ? copy(mem, buf_span(&text), ret_text) : e;
}

enum err metadata_method(struct json_in *in, struct request *req)
{
    struct span method = json_text(in, "method");
    return json_ok(in) ? request_set_method(req, in->mem, method) : ERR_MALFORMED;
}

/* All of object but, when one is given from outside, its content type. */
static enum err copy_headers(struct arena *mem, json_t *object, bool skip_content_type,
                             struct header *headers, size_t *ret_count)
{
    size_t count = 0;
    const char *key;
    size_t key_len;
    json_t *value;
    json_object_keylen_foreach(object, key, key_len, value)
    {
        struct span name = span_of(key, key_len);
        struct header header = {{NULL, 0}, {NULL, 0}};
        enum err e = copy_value(mem, value, &header.value);
        if (e == OK)
            e = copy(mem, name, &header.name);
        if (e != OK)
            return e;
        if (skip_content_type && span_eq_nocase(name, SPAN(CONTENT_TYPE_NAME)))
            continue;
        headers[count++] = header;
    }
    *ret_count = count;
    return OK;
}

enum err metadata_headers(struct json_in *in, const char *content_type, struct request *req)
{
    json_t *object = json_object_get(in->root, "headers");
    size_t sent = json_object_size(object);
    if (object != NULL && (!json_is_object(object) || sent > REQUEST_HEADERS_MAX))
        return ERR_MALFORMED;
    struct header *headers = ARENA_ARRAY(in->mem, sent + 1, struct header);
    if (headers == NULL)
        return ERR_NO_MEMORY;
    size_t count = 0;
    if (object != NULL) {
        enum err e = copy_headers(in->mem, object, content_type != NULL, headers, &count);
        if (e != OK)
            return e;
    }
    if (content_type != NULL)
        headers[count++] = (struct header){SPAN(CONTENT_TYPE_NAME), span_of_text(content_type)};
    req->headers = headers;
    req->header_count = count;
    return OK;
}

enum err metadata_plain_headers(const struct json_plain *meta, struct arena *mem,
                                struct request *req)
{
    const struct json_plain_member *object = json_plain_find(meta, "headers");
    req->header_count = 0;
    if (object == NULL)
        return OK;
    if (object->kind != JSON_PLAIN_OBJECT)
        return ERR_MALFORMED;
    struct header *headers = ARENA_ARRAY(mem, meta->count, struct header);
    if (headers == NULL)
        return ERR_NO_MEMORY;
    size_t within = (size_t)(object - meta->members) + 1;
    for (size_t i = 0; i < meta->count; i++) {
        const struct json_plain_member *m = &meta->members[i];
        if (m->within != within)
            continue;
        struct header *header = &headers[req->header_count++];
        header->name = m->key;
        enum err e = json_plain_value(m, mem, &header->value);
        if (e != OK)
            return e;
    }
    req->headers = headers;
    return OK;
}
