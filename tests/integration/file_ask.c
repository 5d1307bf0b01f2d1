/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request at a time, read as the clients read it.
 */
#include "integration/file_ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"

#define ID_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
enum { TARGET_MAX = 256 };

void file_answer_done(struct answer *a)
{
    json_decref(a->json);
    onion_reply_done(&a->reply);
}

struct answer file_ask_with(struct server_link *to, const char *method, const char *target,
                            struct span body, json_t *headers)
{
    struct answer a = {0};
    struct onion_request request = {.method = method,
                                    .endpoint = target,
                                    .headers = headers,
                                    .body = body,
                                    .has_body = body.len > 0};
    enum err e = server_link_call(to, &request, &a.reply);
    if (e != OK)
        fail_msg("%s %s: %s %s", method, target, err_name(e), server_link_trouble(to)->text);
    if (strcmp(onion_reply_header(&a.reply, "content-type"), "application/json") == 0)
        a.json = json_loadb((const char *)a.reply.body.p, a.reply.body.len, 0, NULL);
    json_decref(headers);
    return a;
}

struct answer file_ask(struct server_link *to, const char *method, const char *target)
{
    return file_ask_with(to, method, target, (struct span){NULL, 0}, NULL);
}

void file_assert_status(const struct answer *a, int code)
{
    assert_int_equal(a->reply.code, code);
    assert_int_equal(json_integer_value(json_object_get(a->json, "status_code")), code);
    assert_int_equal(json_object_size(a->json), 1);
}

struct stored file_stored(const struct answer *a)
{
    struct stored s = {.expires = json_number_value(json_object_get(a->json, "expires")),
                       .uploaded = json_number_value(json_object_get(a->json, "uploaded"))};
    assert_int_equal(a->reply.code, 200);
    const json_t *id = json_object_get(a->json, "id");
    assert_int_equal(json_string_length(id), ASK_ID_LEN);
    (void)snprintf(s.id, sizeof(s.id), "%s", json_string_value(id));
    assert_int_equal(strspn(s.id, ID_CHARACTERS), ASK_ID_LEN);
    return s;
}

struct stored file_put(struct server_link *to, struct span body, const char *ttl)
{
    json_t *headers = ttl == NULL ? NULL : json_pack("{s:s}", "X-FS-TTL", ttl);
    struct answer a AUTO_ANSWER = file_ask_with(to, "POST", "/file", body, headers);
    return file_stored(&a);
}

int file_code(struct server_link *to, const char *method, const char *id, const char *tail)
{
    char target[TARGET_MAX];
    (void)snprintf(target, sizeof(target), "/file/%s%s", id, tail);
    struct answer a AUTO_ANSWER = file_ask(to, method, target);
    return a.reply.code;
}

double file_now_s(void)
{
    return (double)clock_wall_ms() / SECOND_MS;
}
