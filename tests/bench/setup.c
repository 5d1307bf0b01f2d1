/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world of a measurement: limits that would refuse load are off, and said so.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "bench/cage.h"
#include "crypto/secret.h"

static const char *const settings[] = {
    "CONCLAVE_ROOMS_POST_LIMIT=off",    "CONCLAVE_LIMITS_KNOWN_AFTER=0s",
    "CONCLAVE_FILES_UPLOAD_LIMIT=off",  "CONCLAVE_LIMITS_UPLOADS=off",
    "CONCLAVE_FILES_ANONYMOUS_BYTES=0", "CONCLAVE_FILES_MEMBERS_BYTES=0",
    "CONCLAVE_LIMITS_DELETIONS=off",    NULL};
static const char *const tokens[BENCH_ROOMS] = {"lobby", "second"};

static bool complain(const struct bench *b, const char *what)
{
    (void)fprintf(stderr, "bench: %s %s\n", what, b->world.trouble);
    return false;
}

static bool add_room(struct bench *b, const char *token)
{
    const char *const args[] = {"room", "add", token, "--name", token, NULL};
    struct buf out AUTO_BUF = buf_make(KIB(16));
    int status = -1;
    return world_conclave(&b->world, 0, args, &out, &status) == OK && status == 0;
}

static bool add_rooms(struct bench *b)
{
    char token[32];
    bool fine = add_room(b, tokens[1]);
    for (int i = 0; fine && i < BENCH_MANY_ROOMS; i++) {
        (void)snprintf(token, sizeof(token), "busy%d", i);
        fine = add_room(b, token);
    }
    return fine;
}

static bool read_secrets(struct bench *b)
{
    char path[WORLD_PATH_MAX + 32];
    (void)snprintf(path, sizeof(path), "%s/server.key", b->world.folder);
    return key_file_read(path, b->server_secret.b) <= KEY_FILE_READABLE_BY_OTHERS;
}

bool bench_find_postmaster(struct bench *b)
{
    char path[WORLD_PATH_MAX + 32], line[32] = "";
    (void)snprintf(path, sizeof(path), "%s/data/postmaster.pid", b->world.folder);
    FILE *f = fopen(path, "re");
    bool read = f != NULL && fgets(line, sizeof(line), f) != NULL;
    if (f != NULL)
        (void)fclose(f);
    b->postmaster = (pid_t)strtol(line, NULL, 10);
    return read && b->postmaster > 0;
}

static bool make_users(struct bench *b)
{
    b->users = mem_alloc_zero(BENCH_USERS, sizeof(*b->users));
    bool fine = b->users != NULL;
    for (size_t i = 0; fine && i < BENCH_USERS; i++)
        fine = bench_user_make(&b->target.server, &b->users[i]) == OK;
    return fine;
}

/* Posts, and reads back so that the counters are those of a client that has seen everything. */
static bool fill_rooms(struct bench *b)
{
    char text[64];
    for (size_t room = 0; room < BENCH_ROOMS; room++) {
        struct room_view *v = &b->rooms[room];
        (void)snprintf(v->token, sizeof(v->token), "%s", tokens[room]);
        for (int i = 0; i < BENCH_MESSAGES; i++) {
            json_t *posted = NULL;
            (void)snprintf(text, sizeof(text), "message %d: the weather stays as it is", i);
            if (community_post(&b->admin.community, v->token, text, &posted) != OK)
                return false;
            json_decref(posted);
        }
    }
    for (int i = 0; i < 3; i++) {
        json_t *batch = NULL;
        if (community_poll(&b->admin.community, POLL_IOS, b->rooms, BENCH_ROOMS, &batch) != OK)
            return false;
        json_decref(batch);
    }
    return b->rooms[0].seqno >= BENCH_MESSAGES;
}

bool bench_open(struct bench *b)
{
    static const struct world_options options = {.servers = 1, .accounts = 1, .env = settings};
    if (world_open(&b->world, &options) != OK)
        return complain(b, "the world did not open:");
    if (!add_rooms(b))
        return complain(b, "the rooms could not be made");
    if (member_open(&b->world, 0, 0, false, &b->admin) != OK)
        return complain(b, "no member");
    const struct server_link_options *link = server_link_options(b->admin.link);
    b->target = (struct bench_target){.server = link->key, .url = link->url, .style = link->style};
    if (!read_secrets(b) || !bench_find_postmaster(b))
        return complain(b, "the key file or the database's process cannot be found");
    return (make_users(b) && fill_rooms(b)) || complain(b, "users or rooms could not be made");
}

void bench_close(struct bench *b)
{
    member_close(&b->admin);
    (void)world_close(&b->world);
    cage_remove();
    mem_free(b->users);
}
