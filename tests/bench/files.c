/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scenarios of attachments on both halves: content is random, so that nothing is stored twice.
 */
#include <sodium.h>
#include <stdio.h>

#include "bench/bench.h"

#define ROOM "lobby"

/* Appends what is uploaded. */
static enum err put_random(struct buf *body, size_t count)
{
    uint8_t *bytes = buf_reserve(body, count);
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    randombytes_buf(bytes, count);
    buf_commit(body, count);
    return OK;
}

static enum err upload(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                       struct bench_request *ret_request)
{
    (void)b, (void)n;
    enum err e = put_random(body, s->file_bytes);
    *ret_request =
        (struct bench_request){.method = "POST", .target = "/file", .body = buf_span(body)};
    return e;
}

static enum err room_upload(const struct bench *b, const struct scenario *s, size_t n,
                            struct buf *body, struct bench_request *ret_request)
{
    (void)b, (void)n;
    enum err e = put_random(body, s->file_bytes);
    *ret_request = (struct bench_request){.method = "POST",
                                          .target = "/room/" ROOM "/file",
                                          .content_type = "application/octet-stream",
                                          .body = buf_span(body),
                                          .is_signed = true};
    return e;
}

/* Puts what the round will fetch. */
static bool put_files(struct bench *b, const struct scenario *s)
{
    struct buf body AUTO_BUF = buf_make((size_t)16 << 20);
    b->file_count = s->requests < BENCH_FILES_MAX ? s->requests : BENCH_FILES_MAX;
    for (size_t i = 0; i < b->file_count; i++) {
        struct file_ticket ticket;
        int code = 0;
        buf_reset(&body);
        if (put_random(&body, s->file_bytes) != OK ||
            file_client_put(b->admin.link, buf_span(&body), &ticket, &code) != OK)
            return false;
        memcpy(b->files[i], ticket.id, sizeof(b->files[i]));
    }
    return true;
}

static bool put_room_files(struct bench *b, const struct scenario *s)
{
    struct buf body AUTO_BUF = buf_make((size_t)16 << 20);
    b->file_count = s->requests < BENCH_FILES_MAX ? s->requests : BENCH_FILES_MAX;
    for (size_t i = 0; i < b->file_count; i++) {
        json_t *stored = NULL;
        buf_reset(&body);
        if (put_random(&body, s->file_bytes) != OK)
            return false;
        struct community_request request = {.method = "POST",
                                            .target = "/room/" ROOM "/file",
                                            .body = buf_span(&body),
                                            .content_type = "application/octet-stream",
                                            .signing = SIGNED_BLINDED};
        if (community_json(&b->admin.community, &request, &stored) != OK)
            return false;
        (void)snprintf(b->files[i], sizeof(b->files[i]), "%lld",
                       (long long)json_integer_value(json_object_get(stored, "id")));
        json_decref(stored);
    }
    return true;
}

static enum err room_download(const struct bench *b, const struct scenario *s, size_t n,
                              struct buf *body, struct bench_request *ret_request)
{
    (void)s, (void)body;
    *ret_request = (struct bench_request){.method = "GET", .is_signed = true};
    (void)snprintf(ret_request->target, sizeof(ret_request->target), "/room/" ROOM "/file/%s",
                   b->files[n % b->file_count]);
    return OK;
}

static enum err download(const struct bench *b, const struct scenario *s, size_t n,
                         struct buf *body, struct bench_request *ret_request)
{
    (void)s;
    *ret_request = (struct bench_request){.method = "GET"};
    (void)snprintf(ret_request->target, sizeof(ret_request->target), "/file/%s",
                   b->files[n % b->file_count]);
    return buf_verdict(body);
}

static bool has_id(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    json_auto_t *stored = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    return json_string_length(json_object_get(stored, "id")) == 44;
}

static bool has_number(const struct scenario *s, const struct onion_reply *reply)
{
    (void)s;
    json_auto_t *stored = json_loadb((const char *)reply->body.p, reply->body.len, 0, NULL);
    return json_is_integer(json_object_get(stored, "id"));
}

static bool has_bytes(const struct scenario *s, const struct onion_reply *reply)
{
    return reply->body.len == s->file_bytes;
}

#define FILES(text, line, bytes, count, answer, before, ask, fits, against, least)                 \
    {                                                                                              \
        .name = (text), .what = (line), .requests = (count), .connections = 4, .code = (answer),   \
        .file_bytes = (bytes), .prepare = (before), .request = (ask), .expected = (fits),          \
        .compare = (against), .target = (least)                                                    \
    }
#define UPLOAD(text, bytes, count, least)                                                          \
    FILES("upload-" text, "POST /file of " text, bytes, count, 200, NULL, upload, has_id,          \
          COMPARE_INSERT, least),                                                                  \
        FILES("room-up-" text, "POST /room/R/file of " text, bytes, count, 201, NULL, room_upload, \
              has_number, COMPARE_INSERT, least)
#define DOWNLOAD(text, bytes, count, least)                                                        \
    FILES("download-" text, "GET /file of " text, bytes, count, 200, put_files, download,          \
          has_bytes, COMPARE_SELECT, least),                                                       \
        FILES("room-down-" text, "GET /room/R/file of " text, bytes, count, 200, put_room_files,   \
              room_download, has_bytes, COMPARE_SELECT, least)

const struct scenario bench_files[] = {
    UPLOAD("10K", 10 * 1024, 400, 0),
    UPLOAD("1M", 1024 * 1024, 48, 0.7),
    UPLOAD("10M", 10000000, 12, 0.7),
    DOWNLOAD("10K", 10 * 1024, 1000, 0),
    DOWNLOAD("1M", 1024 * 1024, 96, 0.45),
    DOWNLOAD("10M", 10000000, 24, 0.45),
    {0},
};
