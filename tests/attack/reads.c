/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that read: C5, C12.
 */
#include <stdio.h>

#include "attack/attack.h"

enum {
    QUIET_ROOMS = 60,
    OLD_PAGES = 8,
    MANY = 200000, /* more than are answered in any time of ours */
    READERS = 64,
    ELEMENTS = 500,
    GIANT_MESSAGES = 2000000,
    GIANT_MESSAGES_SHORT = 20000,
    OTHER_ROOMS = 5000,
};

/*
 * One room dominates, and all of its messages are older than the oldest of any other room, so that
 * whoever reads backwards over all rooms reads all of them. Bodies are none that could be opened;
 * nobody asks for them.
 */
static bool put_giant(struct stage *s)
{
    static bool there;
    char sql[1600];
    long long messages = s->is_short ? GIANT_MESSAGES_SHORT : GIANT_MESSAGES;
    if (there)
        return true;
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.rooms (token, name, created)"
                   " SELECT 'g' || n, 'g' || n, 0 FROM generate_series(0, %d) n;"
                   "INSERT INTO conclave.messages"
                   " (id, room, author, posted, seqno_creation, seqno_data, key_id, body)"
                   " OVERRIDING SYSTEM VALUE"
                   " SELECT n - 1 - %lld, r.id, u.id, n, n, n, 1, decode(repeat('00', 104), 'hex')"
                   "   FROM generate_series(1, %lld) n,"
                   "        (SELECT id FROM conclave.rooms WHERE token = 'g0') r,"
                   "        (SELECT min(id) AS id FROM conclave.users) u;"
                   "UPDATE conclave.rooms SET message_sequence = %lld WHERE token = 'g0';",
                   s->is_short ? 0 : OTHER_ROOMS, messages, messages, messages);
    there = stage_sql(s, sql) && stage_sql(s, "VACUUM ANALYZE conclave.messages");
    return there;
}

/* A message in each. */
static bool wake_quiet_rooms(struct stage *s)
{
    struct member m = {0};
    char token[8];
    bool fine = member_open(&s->world, 0, 0, false, &m) == OK;
    for (int i = 1; fine && i <= QUIET_ROOMS; i++) {
        json_auto_t *row = NULL;
        (void)snprintf(token, sizeof(token), "r%d", i);
        fine = community_post(&m.community, token, "said once", &row) == OK;
    }
    member_close(&m);
    return fine;
}

static void put_recent(const struct stage *s, const struct bench_user *user, size_t n,
                       struct buf *out)
{
    (void)s, (void)user;
    buf_put_text(out, "{\"method\":\"GET\",\"path\":\"/room/r");
    buf_put_u64(out, 1 + n % QUIET_ROOMS);
    buf_put_text(out, "/messages/recent\"}");
}

static bool repeat_as_answered(struct weapon *w, size_t connections)
{
    w->connections = connections;
    return weapon_repeat(w, MANY);
}

/* The first time after a start nothing of those rooms is in memory. */
static bool quiet_rooms(struct stage *s, struct weapon *w)
{
    const struct weapon_batch batch = {QUIET_ROOMS, put_recent, 0};
    return put_giant(s) && wake_quiet_rooms(s) && stage_renew(s) && weapon_reserve(w, 1) &&
           weapon_add_batch(s, w, NULL, &batch) && repeat_as_answered(w, OLD_PAGES);
}

static bool old_pages(struct stage *s, struct weapon *w)
{
    struct bench_request request = {.method = "GET"};
    (void)snprintf(request.target, sizeof(request.target),
                   "/room/lobby/messages/before/%lld?limit=100", (long long)s->oldest + 1);
    return put_giant(s) && stage_renew(s) && weapon_reserve(w, 1) &&
           weapon_add(s, w, NULL, &request) && repeat_as_answered(w, OLD_PAGES);
}

static bool downloads(struct stage *s, struct weapon *w)
{
    struct bench_request request = {.method = "GET"};
    (void)snprintf(request.target, sizeof(request.target), "/file/%s", s->public_file);
    return weapon_reserve(w, 1) && weapon_add(s, w, NULL, &request) &&
           repeat_as_answered(w, READERS);
}

static bool long_batches(struct stage *s, struct weapon *w)
{
    const struct weapon_batch batch = {ELEMENTS, put_recent, 0};
    return weapon_reserve(w, 1) && weapon_add_batch(s, w, NULL, &batch) &&
           repeat_as_answered(w, OLD_PAGES);
}

const struct attack attack_reads[] = {
    {"C5a",
     "batches of 60 quiet rooms beside one of 2 M messages, 8 at a time, right after a start",
     false, false, quiet_rooms, NULL},
    {"C5b", "the page before the oldest message, 8 at a time, beside a room of 2 M messages", false,
     false, old_pages, NULL},
    {"C12", "strangers' downloads of 1 MB, 64 at a time", true, false, downloads, NULL},
    {"X2", "anonymous batches of 500 reads, 8 at a time", false, false, long_batches, NULL},
    {0},
};
