/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What identities without end, and rows about them, may cost: C7, C8, C9, C11.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "attack/attack.h"
#include "base/clock.h"

enum {
    FRESH_AHEAD = 90000,
    FRESH_MEASURED = 30000, /* at most so many are sent */
    FRESH_SHORT = 2000,
    FRESH_AT_ONCE = 5000,
    FRESH_A_SECOND = 1000,
    FRESH_CONNECTIONS = 256,
    PEOPLE = 2000000,
    PEOPLE_SHORT = 20000,
    PERMISSIONS_A_ROOM = 100000, /* as many as a room takes */
    PERMISSION_ROOMS = 20,
    START_MAX_MS = 5 * SECOND_MS,
    DELIVERED_WITHIN_MS = 20 * SECOND_MS,
    STRANGERS_POSTS_MOST = 400, /* [limits] strangers_together is 100/60s, and some time goes by */
};

/* ---- C7 ---- */

/* So many identities that were never seen before, each with one signed read. */
static bool make_fresh(const struct stage *s, struct weapon *w, size_t count)
{
    const struct bench_request request = {.method = "GET",
                                          .target = "/room/lobby/message/999999999"};
    bool fine = weapon_reserve(w, count);
    for (size_t i = 0; fine && i < count; i++) {
        struct bench_user user;
        fine = bench_user_make(&s->target.server, &user) == OK && weapon_add(s, w, &user, &request);
        account_done(&user.account);
    }
    return fine;
}

static bool fresh_identities(struct stage *s, struct weapon *w)
{
    w->connections = FRESH_CONNECTIONS;
    w->rate_per_s = FRESH_A_SECOND;
    return make_fresh(s, w, s->is_short ? FRESH_SHORT : FRESH_MEASURED);
}

/* Most of them before members are measured, as fast as they are answered. */
static bool after_many_fresh(struct stage *s, struct weapon *w)
{
    size_t left = s->is_short ? FRESH_SHORT : FRESH_AHEAD;
    bool fine = true;
    for (; fine && left > 0; left -= FRESH_AT_ONCE < left ? FRESH_AT_ONCE : left) {
        struct weapon ahead = {.count = 0};
        fine = make_fresh(s, &ahead, FRESH_AT_ONCE < left ? FRESH_AT_ONCE : left) &&
               stage_send(s, ahead.requests, ahead.count, FRESH_CONNECTIONS);
        weapon_done(&ahead);
    }
    return fine && fresh_identities(s, w);
}

static int write_to(struct stage *s, const struct bench_user *from, const struct bench_user *to)
{
    static const char text[] = "{\"message\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                               "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                               "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}";
    struct bench_request request = {
        .method = "POST", .content_type = "application/json", .body = span_of_text(text)};
    (void)snprintf(request.target, sizeof(request.target), "/inbox/%s",
                   account_id_text(&to->blinded.id).s);
    return stage_ask(s, from, &request, NULL);
}

/* A member is written to at once, a newcomer some time after the first visit. */
static bool mail_arrives(struct stage *s, char ret_why[static ATTACK_WHY_MAX])
{
    const struct bench_request hello = {.method = "GET", .target = "/rooms"};
    struct bench_user newcomer;
    int code = write_to(s, &s->aged[0], &s->aged[1]);
    (void)snprintf(ret_why, ATTACK_WHY_MAX, "a message to a member is answered %d", code);
    if (code != 201 || s->is_short)
        return code == 201;
    if (bench_user_make(&s->target.server, &newcomer) != OK)
        return false;
    int64_t until = clock_mono_ms() + DELIVERED_WITHIN_MS;
    do {
        (void)stage_ask(s, &newcomer, &hello, NULL);
        (void)poll(NULL, 0, 500);
        code = write_to(s, &s->aged[2], &newcomer);
    } while (code == 404 && clock_mono_ms() < until);
    (void)snprintf(ret_why, ATTACK_WHY_MAX, "a message to a newcomer is answered %d", code);
    account_done(&newcomer.account);
    return code == 201;
}

/* ---- C8 ---- */

static bool many_known(struct stage *s, struct weapon *w)
{
    char sql[400];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
                   " SELECT '\\x15' || sha256(int8send(n)), h, h FROM generate_series(1, %d) n,"
                   " (SELECT extract(epoch FROM now())::bigint / 3600 - 2 AS h) hour"
                   " ON CONFLICT DO NOTHING",
                   s->is_short ? PEOPLE_SHORT : PEOPLE);
    return stage_sql(s, sql) && stage_sql(s, "VACUUM ANALYZE conclave.users") && stage_renew(s) &&
           fresh_identities(s, w);
}

static bool post(struct stage *s, const struct bench_user *user, int *ret_code)
{
    struct buf body AUTO_BUF = buf_make(KIB(16));
    struct community as = {.account = user->account, .blinded = user->blinded};
    json_auto_t *json = community_post_body(&as, "is there room for me?");
    char *text = json_dumps(json, JSON_COMPACT);
    struct bench_request request = {.method = "POST",
                                    .target = "/room/r30/message",
                                    .content_type = "application/json",
                                    .body = span_of_text(text != NULL ? text : "")};
    *ret_code = stage_ask(s, user, &request, NULL);
    free(text);
    return *ret_code == 201;
}

/* Whoever has been here for long enough may post though strangers have posted all that they may. */
static bool newcomers_become_known(struct stage *s, char ret_why[static ATTACK_WHY_MAX])
{
    const struct bench_request hello = {.method = "GET", .target = "/rooms"};
    struct bench_user newcomer, stranger;
    int code = 201;
    if (bench_user_make(&s->target.server, &newcomer) != OK ||
        stage_ask(s, &newcomer, &hello, NULL) != 200)
        return false;
    (void)poll(NULL, 0, STAGE_KNOWN_AFTER_MS + 500);
    for (int i = 0; code == 201 && i < STRANGERS_POSTS_MOST; i++)
        if (bench_user_make(&s->target.server, &stranger) == OK) {
            (void)post(s, &stranger, &code);
            account_done(&stranger.account);
        }
    bool limited = code == 429;
    bool known = limited && post(s, &newcomer, &code);
    (void)snprintf(ret_why, ATTACK_WHY_MAX, "a %s post is answered %d",
                   limited ? "newcomer's" : "stranger's", code);
    account_done(&newcomer.account);
    return known;
}

/* ---- C9 ---- */

static bool nothing(struct stage *s, struct weapon *w)
{
    (void)s, (void)w;
    return true;
}

static int delete_all_of(struct stage *s, const struct session_id *id, struct buf *ret_body)
{
    struct bench_request request = {.method = "DELETE"};
    (void)snprintf(request.target, sizeof(request.target), "/rooms/all/%s", account_id_text(id).s);
    return stage_ask(s, &s->aged[0], &request, ret_body);
}

/* A stranger must not learn from the answers whether an account has been here. */
static bool nobody_is_told(struct stage *s, char ret_why[static ATTACK_WHY_MAX])
{
    struct buf here AUTO_BUF = buf_make(KIB(4)), elsewhere AUTO_BUF = buf_make(KIB(4));
    char sql[300];
    struct bench_user stranger;
    if (bench_user_make(&s->target.server, &stranger) != OK)
        return false;
    /* A 05 id stays after a ban and its end. */
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
                   " VALUES ('\\x%s', 0, 0) ON CONFLICT DO NOTHING",
                   account_id_text(&s->world.accounts[0].id).s);
    if (!stage_sql(s, sql))
        return false;
    int known = delete_all_of(s, &s->world.accounts[0].id, &here);
    int unknown = delete_all_of(s, &stranger.account.id, &elsewhere);
    (void)snprintf(ret_why, ATTACK_WHY_MAX, "an id that was here is answered %d, another one %d",
                   known, unknown);
    account_done(&stranger.account);
    return known == unknown && span_eq(buf_span(&here), buf_span(&elsewhere));
}

/* ---- C11 ---- */

/* As many exceptions as rooms take, and the first aged identity is a moderator of the lobby. */
static bool many_permissions(struct stage *s, struct weapon *w)
{
    char sql[1200];
    (void)w;
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
        " SELECT '\\x15' || sha256(int8send(-n)), 0, 0 FROM generate_series(1, %d) n"
        " ON CONFLICT DO NOTHING;"
        "INSERT INTO conclave.permissions (room, user_id, write)"
        " SELECT r.id, u.id, true FROM (SELECT id FROM conclave.rooms ORDER BY id LIMIT %d) r,"
        "  (SELECT id FROM conclave.users WHERE created_hour = 0 ORDER BY id LIMIT %d) u;"
        "INSERT INTO conclave.permissions (room, user_id, moderator)"
        " SELECT r.id, u.id, true FROM conclave.rooms r, conclave.users u"
        "  WHERE r.token = 'lobby' AND u.session_id = '\\x%s'",
        PERMISSIONS_A_ROOM, PERMISSION_ROOMS, PERMISSIONS_A_ROOM,
        account_id_text(&s->aged[0].blinded.id).s);
    return stage_sql(s, sql) && stage_sql(s, "VACUUM ANALYZE conclave.permissions") &&
           stage_renew(s);
}

static bool rooms_are_full(struct stage *s, char ret_why[static ATTACK_WHY_MAX])
{
    struct bench_request request = {.method = "POST",
                                    .content_type = "application/json",
                                    .body = span_of_text("{\"write\":true}")};
    (void)snprintf(request.target, sizeof(request.target), "/room/lobby/permissions/%s",
                   account_id_text(&s->aged[1].blinded.id).s);
    int code = stage_ask(s, &s->aged[0], &request, NULL);
    (void)snprintf(ret_why, ATTACK_WHY_MAX,
                   "the server starts in %lld ms, and one exception more is answered %d",
                   (long long)s->start_took_ms, code);
    return code == 413 && s->start_took_ms < START_MAX_MS;
}

const struct attack attack_people[] = {
    {"C7", "1,000 fresh identities a second with a signed read each, after 90,000 others", true,
     true, after_many_fresh, mail_arrives},
    {"C8", "1,000 fresh identities a second beside 2 M known people", false, true, many_known,
     newcomers_become_known},
    {"C9", "asks whether an account was here", false, false, nothing, nobody_is_told},
    {"C11", "100,000 exceptions in each of 20 rooms", false, false, many_permissions,
     rooms_are_full},
    {0},
};
