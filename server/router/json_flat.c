/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One interface over the plain form and Jansson's tree. A member carries its own form, so no other
 * file has to know which of the two was read.
 */
#include "router/json_flat.h"

#include "router/json_out.h"

enum { NUMBER_TEXT_MAX_BYTES = 64 }; /* a double needs 24 */

static void start(struct arena *mem, struct json_flat *flat)
{
    flat->mem = mem;
    flat->in = (struct json_in){.mem = mem};
    flat->plain.count = 0;
}

enum err json_flat_read_tree(struct arena *mem, struct span text, struct json_flat *ret_flat)
{
    start(mem, ret_flat);
    ret_flat->in = json_in_object(mem, text);
    return json_ok(&ret_flat->in) ? OK : ERR_MALFORMED;
}

enum err json_flat_read(struct arena *mem, struct span text, struct json_flat *ret_flat)
{
    start(mem, ret_flat);
    return json_plain_read(text, &ret_flat->plain) ? OK : json_flat_read_tree(mem, text, ret_flat);
}

void json_flat_done(struct json_flat *flat)
{
    json_in_done(&flat->in);
}

/* ---- members ---- */

static enum json_kind kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return JSON_KIND_TEXT;
    case JSON_INTEGER:
    case JSON_REAL:
        return JSON_KIND_NUMBER;
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_NULL:
        return JSON_KIND_NULL;
    case JSON_ARRAY:
    case JSON_TRUE:
    case JSON_FALSE:
        break;
    }
    return JSON_KIND_OTHER;
}

static struct json_member member_of_tree(struct span key, json_t *value)
{
    return (struct json_member){.key = key, .kind = kind_of(value), .tree = value};
}

static bool find_in_tree(const struct json_flat *flat, struct span key,
                         struct json_member *ret_member)
{
    json_t *value = json_object_getn(flat->in.root, (const char *)key.p, key.len);
    if (value != NULL)
        *ret_member = member_of_tree(key, value);
    return value != NULL;
}

/* NULL: absent. */
static inline const struct json_member *find_plain(const struct json_plain *plain, struct span key)
{
    for (size_t i = 0; i < plain->count; i++) {
        const struct json_member *member = &plain->members[i];
        if (member->key.len == key.len && member->within == 0 && span_eq(member->key, key))
            return member;
    }
    return NULL;
}

bool json_flat_find(const struct json_flat *flat, struct span key, struct json_member *ret_member)
{
    if (flat->in.root != NULL)
        return find_in_tree(flat, key, ret_member);
    const struct json_member *member = find_plain(&flat->plain, key);
    if (member != NULL)
        *ret_member = *member;
    return member != NULL;
}

size_t json_flat_count(const struct json_flat *flat)
{
    return flat->in.root != NULL ? json_object_size(flat->in.root) : flat->plain.count;
}

size_t json_flat_size(const struct json_flat *flat, const struct json_member *object)
{
    size_t size = 0;
    if (object->kind != JSON_KIND_OBJECT)
        return 0;
    if (object->tree != NULL)
        return json_object_size(object->tree);
    for (size_t i = object->number; i < flat->plain.count; i++)
        size += flat->plain.members[i].within == object->number;
    return size;
}

static bool next_in_tree(const struct json_member *object, struct json_cursor *cursor,
                         struct json_member *ret_member)
{
    cursor->item = cursor->item == NULL ? json_object_iter(object->tree)
                                        : json_object_iter_next(object->tree, cursor->item);
    if (cursor->item == NULL)
        return false;
    struct span key =
        span_of(json_object_iter_key(cursor->item), json_object_iter_key_len(cursor->item));
    *ret_member = member_of_tree(key, json_object_iter_value(cursor->item));
    return true;
}

bool json_flat_next(const struct json_flat *flat, const struct json_member *object,
                    struct json_cursor *cursor, struct json_member *ret_member)
{
    if (object->kind != JSON_KIND_OBJECT)
        return false;
    if (object->tree != NULL)
        return next_in_tree(object, cursor, ret_member);
    /* Its members stand behind it. */
    if (cursor->next < object->number)
        cursor->next = object->number;
    while (cursor->next < flat->plain.count) {
        const struct json_member *member = &flat->plain.members[cursor->next++];
        if (member->within == object->number) {
            *ret_member = *member;
            return true;
        }
    }
    return false;
}

/* ---- values ---- */

static enum err copy(struct arena *mem, struct span text, struct span *ret_copy)
{
    struct span copied = arena_dup(mem, text);
    if (copied.len != text.len)
        return ERR_NO_MEMORY;
    *ret_copy = copied;
    return OK;
}

/* A plain text without its escapes; all of them are "\/". */
static enum err unescape(struct arena *mem, struct span left, struct span *ret_text)
{
    uint8_t *out = arena_alloc(mem, left.len);
    size_t len = 0;
    if (out == NULL)
        return ERR_NO_MEMORY;
    while (left.len > 0) {
        struct span piece = span_first(left, span_find(left, '\\'));
        memcpy(out + len, piece.p, piece.len);
        len += piece.len;
        left = span_skip(left, piece.len);
        if (left.len > 0) {
            out[len++] = '/';
            left = span_skip(left, 2);
        }
    }
    *ret_text = span_of(out, len);
    return OK;
}

static enum err number_text(struct arena *mem, const json_t *number, struct span *ret_text)
{
    AUTO_BUF struct buf text = buf_make(NUMBER_TEXT_MAX_BYTES);
    if (json_is_integer(number))
        buf_put_i64(&text, json_integer_value(number));
    else
        json_out_double(&text, json_real_value(number));
    enum err e = buf_verdict(&text);
    return e == OK ? copy(mem, buf_span(&text), ret_text) : e;
}

enum err json_member_bytes(const struct json_flat *flat, const struct json_member *member,
                           struct span *ret_bytes)
{
    if (member->kind != JSON_KIND_TEXT && member->kind != JSON_KIND_NUMBER)
        return ERR_MALFORMED;
    if (member->tree == NULL) {
        if (member->escaped)
            return unescape(flat->mem, member->value, ret_bytes);
        *ret_bytes = member->value;
        return OK;
    }
    if (member->kind == JSON_KIND_NUMBER)
        return number_text(flat->mem, member->tree, ret_bytes);
    const char *text = json_string_value(member->tree);
    return copy(flat->mem, span_of(text, json_string_length(member->tree)), ret_bytes);
}

enum err json_member_text(const struct json_flat *flat, const struct json_member *member,
                          struct span *ret_text)
{
    if (member->tree == NULL)
        return json_member_bytes(flat, member, ret_text); /* the plain form has no NUL */
    struct span text = {NULL, 0};
    enum err e = json_member_bytes(flat, member, &text);
    if (e != OK)
        return e;
    if (span_find(text, 0) != text.len)
        return ERR_MALFORMED;
    *ret_text = text;
    return OK;
}

enum err json_flat_text(const struct json_flat *flat, struct span key, struct span *ret_text)
{
    struct json_member in_tree;
    const struct json_member *member = &in_tree;
    if (flat->in.root == NULL)
        member = find_plain(&flat->plain, key);
    else if (!find_in_tree(flat, key, &in_tree))
        member = NULL;
    if (member == NULL || member->kind != JSON_KIND_TEXT)
        return ERR_MALFORMED;
    return json_member_text(flat, member, ret_text);
}

enum err json_member_key(const struct json_flat *flat, const struct json_member *member,
                         struct span *ret_key)
{
    if (member->tree != NULL)
        return copy(flat->mem, member->key, ret_key);
    *ret_key = member->key;
    return OK;
}

/* The text that stands for a plain member's value. */
static struct span written_value(const struct json_member *member)
{
    if (member->kind != JSON_KIND_TEXT)
        return member->value;
    return span_of(member->value.p - 1, member->value.len + 2); /* with its quotes */
}

static enum err dump(struct arena *mem, const json_t *value, struct span *ret_json)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t len = json_dumpb(value, NULL, 0, flags);
    char *text = arena_alloc(mem, len);
    if (len == 0 || text == NULL)
        return ERR_NO_MEMORY; /* the value was parsed from text: only memory can fail */
    *ret_json = span_of(text, json_dumpb(value, text, len, flags));
    return OK;
}

enum err json_member_json(const struct json_flat *flat, const struct json_member *member,
                          struct span *ret_json)
{
    if (member->tree != NULL)
        return dump(flat->mem, member->tree, ret_json);
    json_t *value = json_in_value(written_value(member));
    enum err e = value == NULL ? ERR_NO_MEMORY : dump(flat->mem, value, ret_json);
    json_decref(value);
    return e;
}
