/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The connection to PostgreSQL is lost exactly at a commit: before it arrives, while it is done,
 * and after it was done. Whatever the member is told, nothing happens twice and nothing
 * acknowledged is lost. The same when PostgreSQL stands still at that moment, which looks like
 * nothing at all.
 *
 * test-timeout-s: 300, test-waits: 42
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "client/file_client.h"
#include "integration/database.h"
#include "integration/proxy.h"
#include "integration/world.h"

enum {
    FILE_BYTES = 300000, /* two chunks */
    MEMBERS = 3,
    ANSWER_MAX_MS = 24 * SECOND_MS, /* of a frozen database */
    EVENT_MAX_MS = 30 * SECOND_MS,
    STEP_MS = 20,
};

static const struct loss_plan post_commit = {.mark = "posting.insert", .trigger = "COMMIT"};
static const struct loss_plan file_commit = {.mark = "files.publish", .trigger = "COMMIT"};
/* Not in a transaction of its own: the statement commits itself. */
static const struct loss_plan claim = {.mark = "nonces.claim", .trigger = "nonces.claim"};

struct scene {
    struct world w;
    struct proxy *proxy;
    struct db *db; /* the truth, not through the proxy */
    struct member ana;
    struct member others[MEMBERS - 1];
};

static void open_scene(struct scene *s)
{
    const struct world_options options = {.servers = 0, .accounts = MEMBERS};
    char sockets[WORLD_PATH_MAX + 8], folder[WORLD_PATH_MAX + 8], url[256];
    *s = (struct scene){.proxy = NULL};
    assert_int_equal(world_prepare(&s->w, &options), OK);
    assert_int_equal(world_start_database(&s->w), OK);
    (void)snprintf(sockets, sizeof(sockets), "%s/s", s->w.folder);
    (void)snprintf(folder, sizeof(folder), "%s/p", s->w.folder);
    (void)snprintf(url, sizeof(url),
                   "CONCLAVE_DATABASE_URL=postgresql:///conclave?host=%s&user=postgres", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(proxy_start(folder, sockets, &s->proxy), OK);
    const char *const env[] = {url, "CONCLAVE_ROOMS_POST_LIMIT=off",
                               "CONCLAVE_FILES_TYPE_CHECK=off", NULL};
    if (world_start_server(&s->w, env, NULL) != OK)
        fail_msg("%s", s->w.trouble);
    const struct db_options truth = {
        .url = s->w.database_url, .statement_timeout_ms = 10000, .lock_timeout_ms = 1000};
    assert_int_equal(db_new(&truth, &s->db), OK);
    assert_int_equal(db_ensure(s->db), OK);
    assert_int_equal(member_open(&s->w, 0, 0, false, &s->ana), OK);
    for (size_t i = 0; i < COUNT_OF(s->others); i++)
        assert_int_equal(member_open(&s->w, 1 + i, 0, false, &s->others[i]), OK);
}

static void close_scene(struct scene *s)
{
    member_close(&s->ana);
    for (size_t i = 0; i < COUNT_OF(s->others); i++)
        member_close(&s->others[i]);
    db_free(s->db);
    assert_true(world_close(&s->w));
    proxy_stop(s->proxy);
}

static void arm(struct scene *s, const struct loss_plan *where, enum loss loss, int times)
{
    struct loss_plan plan = *where;
    plan.loss = loss;
    plan.times = times;
    proxy_lose(s->proxy, &plan);
}

static int64_t count(struct scene *s, const char *sql)
{
    return database_number(s->db, sql);
}

static int64_t messages(struct scene *s)
{
    return count(s, "SELECT count(*) FROM conclave.messages");
}

/* What a reader is shown. */
static size_t shown(struct scene *s)
{
    json_t *rows = NULL;
    assert_int_equal(community_since(&s->ana.community, "lobby", 0, 0, &rows), OK);
    size_t n = json_array_size(rows);
    json_decref(rows);
    return n;
}

/* A frame that can be sent as often as one likes. */
struct frame {
    struct buf bytes;
    struct onion_secret secret;
};

static void make_frame(struct member *m, bool in_batch, struct frame *ret_frame)
{
    json_t *post = community_post_body(&m->community, "exactly once");
    const char *path = "/room/lobby/message";
    json_auto_t *body =
        in_batch ? json_pack("[{s:s, s:s, s:o}]", "method", "POST", "path", path, "json", post)
                 : post;
    const struct community_request request = {.method = "POST",
                                              .target = in_batch ? "/batch" : path,
                                              .json = body,
                                              .signing = SIGNED_BLINDED};
    *ret_frame = (struct frame){.bytes = buf_make(KIB(64))};
    assert_int_equal(community_wrap(&m->community, &request, &ret_frame->bytes, &ret_frame->secret),
                     OK);
}

/* The code of the answer; of the first element, if it is a batch's; 0: there was none. */
static int send_frame(struct member *m, const struct frame *f)
{
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    if (server_link_post(m->link, buf_span(&f->bytes), &f->secret, &reply) != OK)
        return 0;
    json_auto_t *list = json_loadb((const char *)reply.body.p, reply.body.len, 0, NULL);
    const json_t *code = json_object_get(json_array_get(list, 0), "code");
    return json_is_integer(code) ? (int)json_integer_value(code) : reply.code;
}

static void done_frame(struct frame *f)
{
    buf_done(&f->bytes);
    onion_client_done(&f->secret);
}

static void expect_once(struct scene *s, enum loss loss, int times, bool in_batch)
{
    struct frame f;
    int64_t before = messages(s);
    make_frame(&s->ana, in_batch, &f);
    arm(s, &post_commit, loss, times);
    assert_int_equal(send_frame(&s->ana, &f), 201);
    assert_int_equal(proxy_lost(s->proxy), times);
    assert_int_equal(messages(s), before + 1);
    assert_int_equal(shown(s), before + 1);
    assert_int_equal(send_frame(&s->ana, &f), 425);
    assert_int_equal(messages(s), before + 1);
    done_frame(&f);
}

static void post__connection_lost_at_commit__happens_once_and_is_acknowledged(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    for (int in_batch = 0; in_batch <= 1; in_batch++) {
        expect_once(&s, LOSE_ANSWER, 1, in_batch);
        expect_once(&s, LOSE_REQUEST, 1, in_batch);
        expect_once(&s, LOSE_AT_ONCE, 1, in_batch);
        expect_once(&s, LOSE_REQUEST, 3, in_batch);
    }
    assert_int_equal(count(&s, "SELECT message_sequence FROM conclave.rooms"), messages(&s));
    close_scene(&s);
}

static void post__database_still_after_its_commit__is_acknowledged(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    expect_once(&s, FREEZE_ANSWER, 1, true);
    close_scene(&s);
}

/* ---- a commit that may still happen ---- */

struct sending {
    struct member *member;
    struct frame frame;
    pthread_t thread;
    int code;
    int64_t took_ms;
    atomic_bool done;
};

static void *send_now(void *arg)
{
    struct sending *sending = arg;
    int64_t began_ms = clock_mono_ms();
    sending->code = send_frame(sending->member, &sending->frame);
    sending->took_ms = clock_mono_ms() - began_ms;
    atomic_store(&sending->done, true);
    return NULL;
}

static void wait_until(struct scene *s, const char *sql, int64_t value)
{
    int64_t deadline_ms = clock_mono_ms() + EVENT_MAX_MS;
    while (count(s, sql) != value) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, STEP_MS);
    }
}

static void *edit_now(void *arg)
{
    struct scene *s = arg;
    enum err e = community_edit(&s->ana.community, "lobby", 1, "edited");
    return e == OK ? s : NULL;
}

/* Two posts in one batch: while somebody holds the room, an edit is the batch before them. */
static void queue_two(struct scene *s, struct sending two[2])
{
    static const char waits[] =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    static const char claims[] = "SELECT count(*) FROM conclave.nonces";
    pthread_t editor;
    void *edited = NULL;
    database_run(s->db, "BEGIN");
    database_run(s->db, "SELECT FROM conclave.rooms FOR UPDATE");
    assert_int_equal(pthread_create(&editor, NULL, edit_now, s), 0);
    wait_until(s, waits, 1);
    int64_t claimed = count(s, claims);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&two[i].thread, NULL, send_now, &two[i]), 0);
    wait_until(s, claims, claimed + 2);
    database_run(s->db, "ROLLBACK");
    (void)pthread_join(editor, &edited);
    assert_non_null(edited);
}

/*
 * Nobody can say whether it will commit, so nobody may run it again: the callers are told "busy",
 * and when PostgreSQL goes on each post is there once.
 */
static void posts__database_still_before_their_commit__happen_once_at_most(void **state)
{
    (void)state;
    struct scene s;
    static struct sending two[2];
    open_scene(&s);
    struct frame first;
    make_frame(&s.ana, false, &first);
    assert_int_equal(send_frame(&s.ana, &first), 201);
    done_frame(&first);
    int64_t before = messages(&s);
    for (size_t i = 0; i < 2; i++) {
        two[i] = (struct sending){.member = &s.others[i]};
        make_frame(&s.others[i], true, &two[i].frame);
    }
    arm(&s, &post_commit, FREEZE_REQUEST, 1);
    queue_two(&s, two);
    /*
     * If the batch were run again, it would wait for the room that the first run holds: then let
     * that go.
     */
    while (!atomic_load(&two[0].done) || !atomic_load(&two[1].done)) {
        if (count(&s, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                      " AND query LIKE '%FOR UPDATE%'") > 0)
            proxy_release(s.proxy);
        (void)poll(NULL, 0, STEP_MS);
    }
    assert_int_equal(proxy_lost(s.proxy), 1);
    proxy_release(s.proxy);
    wait_until(&s, "SELECT (count(*) >= 2)::int::bigint FROM conclave.messages", 1);
    for (size_t i = 0; i < 2; i++) {
        (void)pthread_join(two[i].thread, NULL);
        print_message("%d after %lld ms\n", two[i].code, (long long)two[i].took_ms);
        assert_true(two[i].code == 503 || two[i].code == 201);
        assert_true(two[i].took_ms < ANSWER_MAX_MS);
        /* A second time the same bytes do nothing. */
        assert_int_equal(send_frame(&s.others[i], &two[i].frame), 425);
        done_frame(&two[i].frame);
    }
    /*
     * One that came too late for the batch was refused by the lock that the first left, and did not
     * happen.
     */
    assert_in_range(messages(&s), before + 1, before + 2);
    assert_int_equal(count(&s, "SELECT message_sequence FROM conclave.rooms"), messages(&s) + 1);
    close_scene(&s);
}

/*
 * The claim is a transaction of its own: whether it was made cannot be told from "somebody else
 * made it".
 */
static void expect_at_most_once(struct scene *s, enum loss loss)
{
    struct frame f;
    int64_t before = messages(s), nonces = count(s, "SELECT count(*) FROM conclave.nonces");
    make_frame(&s->ana, true, &f);
    arm(s, &claim, loss, 1);
    assert_int_equal(send_frame(&s->ana, &f), 503);
    assert_int_equal(proxy_lost(s->proxy), 1);
    assert_int_equal(messages(s), before);
    /* The same bytes again: what was claimed is refused and does nothing; signed anew, it works. */
    bool claimed = loss != LOSE_REQUEST;
    if (claimed) /* PostgreSQL may still be working on it */
        wait_until(s, "SELECT count(*) FROM conclave.nonces", nonces + 1);
    assert_int_equal(send_frame(&s->ana, &f), claimed ? 425 : 201);
    assert_int_equal(send_frame(&s->ana, &f), 425);
    before += claimed ? 0 : 1;
    assert_int_equal(messages(s), before);
    done_frame(&f);
    make_frame(&s->ana, true, &f);
    assert_int_equal(send_frame(&s->ana, &f), 201);
    assert_int_equal(messages(s), before + 1);
    done_frame(&f);
}

static void claim__connection_lost__runs_the_request_at_most_once(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    expect_at_most_once(&s, LOSE_ANSWER);
    expect_at_most_once(&s, LOSE_REQUEST);
    expect_at_most_once(&s, LOSE_AT_ONCE);
    close_scene(&s);
}

/* Nothing was done, and the server says so: the same bytes are no replay when they come again. */
static void requests__refused_while_the_database_is_away__may_come_again_as_they_are(void **state)
{
    (void)state;
    struct scene s;
    struct frame frames[2];
    open_scene(&s);
    int64_t before = messages(&s);
    for (int in_batch = 0; in_batch < 2; in_batch++)
        make_frame(&s.ana, in_batch == 1, &frames[in_batch]);
    assert_int_equal(world_crash_database(&s.w), OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(send_frame(&s.ana, &frames[i % 2]), 503);
    assert_int_equal(world_restart_database(&s.w), OK);
    for (int i = 0; i < 2; i++) {
        int64_t deadline_ms = clock_mono_ms() + EVENT_MAX_MS;
        int code = 503;
        while (code == 503 && clock_mono_ms() < deadline_ms)
            code = send_frame(&s.ana, &frames[i]);
        assert_int_equal(code, 201);
        assert_int_equal(send_frame(&s.ana, &frames[i]), 425);
        done_frame(&frames[i]);
    }
    assert_int_equal(db_ensure(s.db), OK);
    assert_int_equal(messages(&s), before + 2);
    close_scene(&s);
}

static void expect_file_once(struct scene *s, enum loss loss, uint8_t fill)
{
    static uint8_t content[FILE_BYTES];
    struct file_ticket ticket;
    AUTO_BUF struct buf got = buf_make(MIB(1));
    int code = 0;
    int64_t before = count(s, "SELECT count(*) FROM conclave.files");
    memset(content, fill, sizeof(content));
    arm(s, &file_commit, loss, 1);
    enum err e = file_client_put(s->ana.link, span_of(content, sizeof(content)), &ticket, &code);
    assert_int_equal(proxy_lost(s->proxy), 1);
    assert_true((e == OK && code == 200) || (e == ERR_DENIED && code == 503));
    /* What a client does: again. */
    assert_int_equal(
        file_client_put(s->ana.link, span_of(content, sizeof(content)), &ticket, &code), OK);
    assert_int_equal(file_client_get(s->ana.link, ticket.id, &got, &code), OK);
    assert_int_equal(got.len, sizeof(content));
    assert_memory_equal(got.p, content, sizeof(content));
    assert_int_equal(count(s, "SELECT count(*) FROM conclave.files"), before + 1);
    assert_int_equal(count(s, "SELECT count(*) FROM conclave.blobs"), before + 1);
    assert_int_equal(count(s, "SELECT count(*) FROM conclave.chunks"), 2 * (before + 1));
}

static void upload__connection_lost_at_commit__is_stored_once(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    expect_file_once(&s, LOSE_ANSWER, 0x5a);
    expect_file_once(&s, LOSE_REQUEST, 0x5b);
    expect_file_once(&s, LOSE_AT_ONCE, 0x5c);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(post__connection_lost_at_commit__happens_once_and_is_acknowledged),
        cmocka_unit_test(post__database_still_after_its_commit__is_acknowledged),
        cmocka_unit_test(posts__database_still_before_their_commit__happen_once_at_most),
        cmocka_unit_test(claim__connection_lost__runs_the_request_at_most_once),
        cmocka_unit_test(requests__refused_while_the_database_is_away__may_come_again_as_they_are),
        cmocka_unit_test(upload__connection_lost_at_commit__is_stored_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
