/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the headers of v4, v3 and batch requests: they differ only in what header_rules says.
 */
#include "router/headers.h"

#define CONTENT_TYPE "content-type"

static enum err read_header(const struct json_flat *flat, const struct json_member *member,
                            bool numbers, struct header *ret_header)
{
    if (!numbers && member->kind == JSON_KIND_NUMBER)
        return ERR_MALFORMED;
    enum err e = json_member_text(flat, member, &ret_header->value);
    return e == OK ? json_member_key(flat, member, &ret_header->name) : e;
}

static enum err read_all(const struct json_flat *flat, const struct json_member *object,
                         const struct header_rules *rules, struct header *headers,
                         size_t *ret_count)
{
    size_t count = 0;
    struct json_cursor cursor = {0};
    struct json_member member;
    while (json_flat_next(flat, object, &cursor, &member)) {
        enum err e = read_header(flat, &member, rules->numbers, &headers[count]);
        if (e != OK)
            return e;
        if (rules->is_dropped == NULL || !rules->is_dropped(member.key))
            count++;
    }
    *ret_count = count;
    return OK;
}

enum err headers_read(const struct json_flat *flat, const struct header_rules *rules,
                      struct request *req)
{
    struct json_member object;
    req->header_count = 0;
    size_t sent = 0, count = 0;
    bool given = json_flat_find(flat, SPAN("headers"), &object);
    if (given)
        sent = json_flat_size(flat, &object);
    else if (rules->default_type.len == 0)
        return OK;
    if ((given && object.kind != JSON_KIND_OBJECT) || sent > REQUEST_HEADERS_MAX)
        return ERR_MALFORMED;
    struct header *headers = ARENA_ARRAY(flat->mem, sent + 1, struct header);
    if (headers == NULL)
        return ERR_NO_MEMORY;
    enum err e = given ? read_all(flat, &object, rules, headers, &count) : OK;
    if (e != OK)
        return e;
    req->headers = headers;
    req->header_count = count;
    if (rules->default_type.len > 0 && request_header(req, CONTENT_TYPE).len == 0) {
        headers[count] = (struct header){SPAN(CONTENT_TYPE), rules->default_type};
        req->header_count++;
    }
    return OK;
}
