/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the JSON around a request: its members, and those of one object inside it. Most documents
 * have the plain form (json_plain.h) and are read without a tree; all others are read by Jansson
 * (json_in.h). The caller sees the same members either way.
 *
 *   AUTO_JSON_FLAT struct json_flat flat;
 *   enum err e = json_flat_read(mem, text, &flat);
 *   if (e == OK)
 *       e = json_flat_text(&flat, SPAN("method"), &method);
 *
 * Any thread; one owner.
 */
#ifndef CONCLAVE_ROUTER_JSON_FLAT_H
#define CONCLAVE_ROUTER_JSON_FLAT_H

#include "router/json_in.h"
#include "router/json_plain.h"

struct json_flat {
    struct arena *mem;
    struct json_in in; /* in.root == NULL: plain form */
    struct json_plain plain;
};

/*
 * ERR_MALFORMED: not an object that json_in.h accepts. *ret_flat needs json_flat_done in any case.
 */
MUST_USE enum err json_flat_read(struct arena *mem, struct span text, struct json_flat *ret_flat);
/* The same by Jansson alone: the tests compare the two. */
MUST_USE enum err json_flat_read_tree(struct arena *mem, struct span text,
                                      struct json_flat *ret_flat);
void json_flat_done(struct json_flat *flat);
/*
 * For a variable that json_flat_read fills before its scope ends. It is not zeroed by the compiler
 * (-ftrivial-auto-var-init): that would be a kilobyte for each document.
 */
#define AUTO_JSON_FLAT CLEANUP(json_flat_done) __attribute__((uninitialized))

/* A member of the outer object. False: absent. */
MUST_USE bool json_flat_find(const struct json_flat *flat, struct span key,
                             struct json_member *ret_member);
/* Members of the outer object; in the plain form, those of objects inside it count as well. */
size_t json_flat_count(const struct json_flat *flat);
/* How many members `object` has; 0 when it is no object. */
size_t json_flat_size(const struct json_flat *flat, const struct json_member *object);
/* The next member of `object`, from a zeroed cursor on. False: there are no more. */
struct json_cursor {
    size_t next; /* plain form: index */
    void *item;  /* Jansson's iterator */
};
MUST_USE bool json_flat_next(const struct json_flat *flat, const struct json_member *object,
                             struct json_cursor *cursor, struct json_member *ret_member);

/*
 * Spans given by the functions below, and json_member.key, point into the text that was read when
 * it is plain, else into mem (the key: into the tree, which json_flat_done frees).
 */

/* A required text. ERR_MALFORMED: absent, no text, or a text with a NUL. ERR_NO_MEMORY. */
MUST_USE enum err json_flat_text(const struct json_flat *flat, struct span key,
                                 struct span *ret_text);
/* A text, or a number in decimal. ERR_MALFORMED: another kind, or a NUL. ERR_NO_MEMORY. */
MUST_USE enum err json_member_text(const struct json_flat *flat, const struct json_member *member,
                                   struct span *ret_text);
/* The same; a NUL is allowed. */
MUST_USE enum err json_member_bytes(const struct json_flat *flat, const struct json_member *member,
                                    struct span *ret_bytes);
/* The key, for longer than the tree lives. ERR_NO_MEMORY. */
MUST_USE enum err json_member_key(const struct json_flat *flat, const struct json_member *member,
                                  struct span *ret_key);
/* Any value as compact JSON, in mem. ERR_NO_MEMORY. */
MUST_USE enum err json_member_json(const struct json_flat *flat, const struct json_member *member,
                                   struct span *ret_json);

#endif
