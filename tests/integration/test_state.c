/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sequence rule (docs/design.md, D3) inside one process, against a real PostgreSQL: commits
 * reach memory in shuffled order, comparisons run between them, and every reader sees every message
 * once, in order, without a gap. And how long memory may answer alone (docs/design.md, D7).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/mem.h"
#include "community/community.h"
#include "conf/conf.h"
#include "crypto/secret.h"
#include "integration/database.h"
#include "metrics/metrics.h"
#include "state/state.h"
#include "store/posting.h"
#include "store/rooms.h"

enum {
    WRITERS = 8,
    READERS = 4,
    COMMITS_EACH = 60,
    ROWS_MAX = 4,     /* messages per commit: 1..4 */
    WAITING_MAX = 24, /* commits held back from memory, to be picked from at random */
    SEEN_WITHIN_MS = 60000,
    RESTLESS_READS = 500,
};

/* One commit that memory has not heard of yet. */
struct commit {
    int64_t old_sequence, new_sequence;
    size_t count;
    struct message_row rows[ROWS_MAX];
};

struct fixture {
    struct metrics *metrics;
    struct ring *ring;
    struct conf *conf;
    struct state *state;
    struct aead_key key;
    int64_t key_id, room, user;
    struct session_id author;

    pthread_mutex_t lock; /* guards what follows */
    struct commit waiting[WAITING_MAX + WRITERS];
    size_t waiting_count;
    size_t out_of_order; /* commits that came to memory after a later one */
    int64_t applied_to;
    uint64_t random;

    atomic_int writing; /* writers still at work */
    _Atomic int64_t total;
};

static struct database database;

static int start(void **state)
{
    (void)state;
    database_start(&database);
    return crypto_start() == OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    database_stop(&database);
    return 0;
}

static void fixture_begin(struct fixture *f)
{
    static const uint8_t storage_key[32] = {1};
    AUTO_BUF struct buf problems = buf_make(KIB(8));
    *f = (struct fixture){.random = 88172645463325252U, .author = {{0x15, 0xab}}};
    (void)pthread_mutex_init(&f->lock, NULL);
    database_renew(&database);
    struct db *db = database_connect(&database);
    assert_int_equal(setenv("CONCLAVE_DATABASE_URL", database.url, 1), 0);
    assert_int_equal(conf_load(NULL, &f->conf, &problems), OK);
    f->metrics = metrics_new();
    assert_int_equal(ring_new(storage_key, &f->ring), OK);
    assert_int_equal(rooms_create(db, SPAN("lobby"), SPAN("lobby"), (struct span){0}, 1, &f->room),
                     OK);
    assert_int_equal(
        ring_key_current(f->ring, db, RING_MESSAGES, f->room, clock_wall_ms(), &f->key_id, &f->key),
        OK);
    f->user = database_number(
        db, "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
            " VALUES ('\\x15ab' || decode(repeat('00', 31), 'hex'), 0, 0) RETURNING id");
    const struct state_options options = {.conf = f->conf, .metrics = f->metrics, .ring = f->ring};
    assert_int_equal(state_new(&options, &f->state), OK);
    db_free(db);
}

static void fixture_end(struct fixture *f)
{
    state_free(f->state);
    ring_free(f->ring);
    metrics_free(f->metrics);
    conf_free(f->conf);
    (void)pthread_mutex_destroy(&f->lock);
}

/* ---- writers ---- */

static size_t dice(struct fixture *f, size_t sides)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return (size_t)(f->random % sides);
}

/* Posts `count` messages in one transaction, as the batch writer does. */
static struct commit post(struct fixture *f, struct db *db, size_t count)
{
    static const uint8_t signature[MESSAGE_SIGNATURE_BYTES] = {7};
    AUTO_ARENA struct arena *mem = arena_new(MIB(1));
    struct commit c = {.count = count};
    struct message_insert rows[ROWS_MAX];
    struct buf sealed[ROWS_MAX];
    struct room_lock *locks = NULL;
    size_t locked = 0;
    int64_t *ids = NULL;
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(posting_lock_rooms(db, mem, &f->room, 1, &locks, &locked), OK);
    c.old_sequence = locks[0].message_sequence;
    c.new_sequence = c.old_sequence + (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        int64_t seqno = c.old_sequence + 1 + (int64_t)i;
        sealed[i] = buf_make(KIB(1));
        assert_int_equal(message_seal(&f->key, f->room, seqno,
                                      span_of(signature, sizeof(signature)), SPAN("text"),
                                      &sealed[i]),
                         OK);
        rows[i] = (struct message_insert){.room = f->room,
                                          .user = f->user,
                                          .seqno = seqno,
                                          .posted = (double)seqno,
                                          .key_id = f->key_id,
                                          .sealed = buf_span(&sealed[i])};
        const struct message_facts facts = {.room = f->room,
                                            .seqno_creation = seqno,
                                            .seqno_data = seqno,
                                            .posted = (double)seqno,
                                            .author = &f->author,
                                            .sealed = rows[i].sealed};
        assert_int_equal(message_mac(&f->key, &facts, &rows[i].mac), OK);
        c.rows[i] = (struct message_row){.room = f->room,
                                         .author = f->author,
                                         .posted = (double)seqno,
                                         .seqno_creation = seqno,
                                         .seqno_data = seqno,
                                         .data = SPAN("text"),
                                         .signature = span_of(signature, sizeof(signature))};
    }
    assert_int_equal(posting_insert(db, mem, rows, count, &ids), OK);
    const struct room_advance advance = {&f->room, &c.new_sequence, &(const int64_t){0},
                                         &(const int64_t){0}};
    assert_int_equal(posting_advance(db, &advance, 1), OK);
    assert_int_equal(db_commit(db), OK);
    for (size_t i = 0; i < count; i++) {
        c.rows[i].id = ids[i];
        buf_done(&sealed[i]);
    }
    return c;
}

/* Puts a commit with those that wait, and takes any of them. False: none must go yet. */
static bool shuffle(struct fixture *f, const struct commit *in, size_t keep, struct commit *out)
{
    (void)pthread_mutex_lock(&f->lock);
    if (in != NULL)
        f->waiting[f->waiting_count++] = *in;
    bool any = f->waiting_count > keep;
    if (any) {
        size_t at = dice(f, f->waiting_count);
        *out = f->waiting[at];
        f->waiting[at] = f->waiting[--f->waiting_count];
        f->out_of_order += out->old_sequence < f->applied_to;
        if (out->new_sequence > f->applied_to)
            f->applied_to = out->new_sequence;
    }
    (void)pthread_mutex_unlock(&f->lock);
    return any;
}

static void apply(struct fixture *f, const struct commit *c)
{
    state_apply(f->state, f->room, c->old_sequence, c->new_sequence, c->rows, c->count);
}

static void *write_and_apply(void *arg)
{
    struct fixture *f = arg;
    struct db *db = database_connect(&database);
    struct commit next;
    for (size_t i = 0; i < COMMITS_EACH; i++) {
        struct commit c = post(f, db, 1 + i % ROWS_MAX);
        (void)atomic_fetch_add(&f->total, (int64_t)c.count);
        if (shuffle(f, &c, WAITING_MAX, &next))
            apply(f, &next);
    }
    while (shuffle(f, NULL, 0, &next))
        apply(f, &next);
    (void)atomic_fetch_sub(&f->writing, 1);
    db_free(db);
    return NULL;
}

/* ---- readers ---- */

struct reader {
    struct fixture *fixture;
    int64_t limit;
    int64_t seen;      /* the highest number received */
    int64_t from_sql;  /* polls that memory could not answer */
    const char *wrong; /* NULL: nothing */
};

static enum err ask(struct reader *r, struct db *db, struct room *room, struct buf *out)
{
    static const struct identity nobody = {0};
    const struct reader_view view = {.who = &nobody, .limit = r->limit};
    struct state *state = r->fixture->state;
    buf_reset(out);
    enum err e = state_write_since(state, NULL, room, &view, r->seen, true, out);
    if (e != ERR_RETRY)
        return e;
    r->from_sql++;
    buf_reset(out);
    return state_write_since(state, db, room, &view, r->seen, true, out);
}

static void read_rows(struct reader *r, const struct buf *out)
{
    json_t *rows = json_loadb((const char *)out->p, out->len, 0, NULL);
    if (!json_is_array(rows))
        r->wrong = "no array";
    for (size_t i = 0; r->wrong == NULL && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        int64_t seqno = json_integer_value(json_object_get(row, "seqno"));
        if (seqno != r->seen + 1)
            r->wrong = seqno <= r->seen ? "a message came twice" : "a message was left out";
        if (json_real_value(json_object_get(row, "posted")) < (double)seqno ||
            json_real_value(json_object_get(row, "posted")) > (double)seqno)
            r->wrong = "another message came under this number";
        r->seen = seqno;
    }
    json_decref(rows);
}

static void *follow(void *arg)
{
    struct reader *r = arg;
    struct fixture *f = r->fixture;
    AUTO_BUF struct buf out = buf_make(MIB(10));
    struct db *db = database_connect(&database);
    struct room *room = NULL;
    int64_t deadline_ms = clock_mono_ms() + SEEN_WITHIN_MS;
    if (state_room_by_token(f->state, SPAN("lobby"), &room) != OK)
        r->wrong = "no room";
    while (r->wrong == NULL && clock_mono_ms() < deadline_ms) {
        bool over = atomic_load(&f->writing) == 0;
        enum err e = ask(r, db, room, &out);
        if (e == OK)
            read_rows(r, &out);
        else /* "try again" neither: however many commits there are, a reader waits for those before his question only */
            r->wrong = err_name(e);
        if (over && r->seen == atomic_load(&f->total))
            break;
    }
    if (room != NULL)
        state_room_release(room);
    db_free(db);
    return NULL;
}

static void *compare_on_and_on(void *arg)
{
    struct fixture *f = arg;
    struct db *db = database_connect(&database);
    bool ok = true;
    while (atomic_load(&f->writing) > 0)
        ok = state_refresh(f->state, db) == OK && ok;
    db_free(db);
    return ok ? f : NULL;
}

static void commits__shuffled_by_eight_threads__reach_every_reader_once_in_order(void **state)
{
    (void)state;
    static struct fixture f;
    static struct reader readers[READERS];
    pthread_t writer[WRITERS], reader[READERS], comparer;
    void *compared = NULL;
    fixture_begin(&f);
    struct db *db = database_connect(&database);
    assert_int_equal(state_load(f.state, db), OK);
    db_free(db);
    atomic_store(&f.writing, WRITERS);
    for (size_t i = 0; i < READERS; i++) {
        static const int64_t limits[READERS] = {1, 3, 100, 256};
        readers[i] = (struct reader){.fixture = &f, .limit = limits[i]};
        assert_int_equal(pthread_create(&reader[i], NULL, follow, &readers[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writer[i], NULL, write_and_apply, &f), 0);
    assert_int_equal(pthread_create(&comparer, NULL, compare_on_and_on, &f), 0);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(writer[i], NULL), 0);
    assert_int_equal(pthread_join(comparer, &compared), 0);
    assert_non_null(compared);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(reader[i], NULL), 0);
        if (readers[i].wrong != NULL)
            fail_msg("reader %zu: %s (at %ld of %ld)", i, readers[i].wrong, (long)readers[i].seen,
                     (long)atomic_load(&f.total));
        assert_int_equal(readers[i].seen, atomic_load(&f.total));
        print_message("reader of %ld: %ld polls from the database\n", (long)readers[i].limit,
                      (long)readers[i].from_sql);
    }
    print_message("%zu of %d commits came after a later one\n", f.out_of_order,
                  WRITERS * COMMITS_EACH);
    assert_true(f.out_of_order > WRITERS * COMMITS_EACH / 4);
    fixture_end(&f);
}

/* In order, memory needs no database at all: the refill is for the other cases only. */
static void commits__in_order__are_shown_from_memory_alone(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_begin(&f);
    struct db *db = database_connect(&database);
    struct reader r = {.fixture = &f, .limit = 100};
    struct room *room = NULL;
    AUTO_BUF struct buf out = buf_make(MIB(1));
    assert_int_equal(state_load(f.state, db), OK);
    assert_int_equal(state_room_by_token(f.state, SPAN("lobby"), &room), OK);
    for (int i = 0; i < 20; i++) {
        struct commit c = post(&f, db, 2);
        apply(&f, &c);
        assert_int_equal(ask(&r, db, room, &out), OK);
        read_rows(&r, &out);
        assert_null(r.wrong);
        assert_int_equal(r.seen, c.new_sequence);
    }
    assert_int_equal(r.from_sql, 0);
    state_room_release(room);
    db_free(db);
    fixture_end(&f);
}

/*
 * Whoever was told that his post is there must find it at once, though memory heard of a later one
 * first.
 */
static void commits__with_a_gap__are_read_from_the_database_before_the_answer(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_begin(&f);
    struct db *db = database_connect(&database);
    struct reader r = {.fixture = &f, .limit = 100};
    struct room *room = NULL;
    AUTO_BUF struct buf out = buf_make(MIB(1));
    assert_int_equal(state_load(f.state, db), OK);
    assert_int_equal(state_room_by_token(f.state, SPAN("lobby"), &room), OK);
    struct commit first = post(&f, db, 2);
    struct commit second = post(&f, db, 1);
    apply(&f, &second);
    assert_int_equal(ask(&r, db, room, &out), OK);
    read_rows(&r, &out);
    assert_null(r.wrong);
    assert_int_equal(r.seen, 3);
    assert_int_equal(r.from_sql, 1);
    apply(&f, &first); /* late, and known already */
    assert_int_equal(ask(&r, db, room, &out), OK);
    read_rows(&r, &out);
    assert_null(r.wrong);
    assert_int_equal(r.seen, 3);
    assert_int_equal(r.from_sql, 1);
    state_room_release(room);
    db_free(db);
    fixture_end(&f);
}

/* A restored backup: the database stands below memory. */
/* Another process commits as fast as it can, and each time memory hears of it. */
static void *commit_on_and_on(void *arg)
{
    struct fixture *f = arg;
    struct db *db = database_connect(&database);
    char sql[160];
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE conclave.rooms SET message_sequence = message_sequence + 1"
                   " WHERE id = %ld RETURNING message_sequence",
                   (long)f->room);
    database_run(db, "SET synchronous_commit = off");
    while (atomic_load(&f->writing) > 0)
        state_apply(f->state, f->room, -1, database_number(db, sql), NULL, 0);
    db_free(db);
    return NULL;
}

static void reader__of_a_room_that_never_rests__waits_only_for_what_was_before(void **state)
{
    (void)state;
    static struct fixture f;
    struct reader r = {.fixture = &f, .limit = 100};
    pthread_t writer;
    struct room *room = NULL;
    AUTO_BUF struct buf out = buf_make(MIB(10));
    fixture_begin(&f);
    struct db *db = database_connect(&database);
    assert_int_equal(state_load(f.state, db), OK);
    assert_int_equal(state_room_by_token(f.state, SPAN("lobby"), &room), OK);
    atomic_store(&f.writing, 1);
    assert_int_equal(pthread_create(&writer, NULL, commit_on_and_on, &f), 0);
    size_t busy = 0;
    int64_t deadline_ms = clock_mono_ms() + SEEN_WITHIN_MS;
    while (r.from_sql < RESTLESS_READS && clock_mono_ms() < deadline_ms)
        busy += ask(&r, db, room, &out) != OK;
    atomic_store(&f.writing, 0);
    (void)pthread_join(writer, NULL);
    print_message("%zu of %ld busy\n", busy, (long)r.from_sql);
    assert_int_equal(busy, 0);
    assert_int_equal(r.from_sql, RESTLESS_READS);
    state_room_release(room);
    db_free(db);
    fixture_end(&f);
}

static void counter__below_memory__drops_the_room(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_begin(&f);
    struct db *db = database_connect(&database);
    struct reader r = {.fixture = &f, .limit = 100};
    struct room *room = NULL;
    AUTO_BUF struct buf out = buf_make(MIB(1));
    assert_int_equal(state_load(f.state, db), OK);
    assert_int_equal(state_room_by_token(f.state, SPAN("lobby"), &room), OK);
    for (int i = 0; i < 5; i++) {
        struct commit c = post(&f, db, 1);
        apply(&f, &c);
    }
    database_run(db, "DELETE FROM conclave.messages WHERE seqno_creation > 2;"
                     "UPDATE conclave.rooms SET message_sequence = 2;"
                     "UPDATE conclave.versions SET value = value + 1");
    assert_int_equal(state_refresh(f.state, db), OK);
    assert_int_equal(ask(&r, db, room, &out), OK);
    read_rows(&r, &out);
    assert_null(r.wrong);
    assert_int_equal(r.seen, 2);
    state_room_release(room);
    db_free(db);
    fixture_end(&f);
}

/* ---- how long memory answers alone ---- */

static void freshness__last_comparison__counts_for_a_minute(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_begin(&f);
    struct db *db = database_connect(&database);
    int64_t before_ms = clock_mono_ms();
    assert_false(state_is_fresh(f.state, before_ms)); /* nothing was ever compared */
    assert_int_equal(state_load(f.state, db), OK);
    int64_t after_ms = clock_mono_ms();
    assert_true(state_is_fresh(f.state, before_ms + 59999));
    assert_false(state_is_fresh(f.state, after_ms + 60000));
    database_run(db, "ALTER TABLE conclave.versions RENAME TO hidden");
    assert_int_not_equal(state_refresh(f.state, db), OK);
    assert_false(state_is_fresh(f.state, after_ms + 60000)); /* a comparison that failed is none */
    db_free(db);
    fixture_end(&f);
}

static enum err ask_rooms(struct fixture *f)
{
    AUTO_ARENA struct arena *mem = arena_new(MIB(1));
    struct services services = {.state = f->state};
    struct reply reply = {0};
    struct request request = {0};
    struct call call = {.mem = mem, .services = &services, .req = &request, .reply = &reply};
    reply_init(&reply);
    enum err e = rooms_get_all(&call);
    reply_done(&reply);
    return e;
}

static void rooms__picture_that_is_not_fresh__is_not_shown(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_begin(&f);
    struct db *db = database_connect(&database);
    assert_int_equal(ask_rooms(&f), ERR_BUSY);
    assert_int_equal(state_load(f.state, db), OK);
    assert_int_equal(ask_rooms(&f), OK);
    db_free(db);
    fixture_end(&f);
}

static enum err admit(struct fixture *f, const char *room, enum access access)
{
    AUTO_ARENA struct arena *mem = arena_new(MIB(1));
    struct services services = {.state = f->state};
    struct reply reply = {0};
    struct request request = {0};
    struct call call = {.mem = mem,
                        .services = &services,
                        .req = &request,
                        .reply = &reply,
                        .who = {.known = true, .id = f->author},
                        .params = {.room = span_of_text(room)}};
    reply_init(&reply);
    enum err e = auth_admit(&call, access);
    int status = reply.status;
    auth_release(&call);
    reply_done(&reply);
    assert_true(e == OK || status == 503);
    return e;
}

/*
 * Rights that nobody could compare with the database for a minute are no rights: in rooms, and
 * elsewhere (the inbox).
 */
static void rights__that_are_not_fresh__admit_nobody(void **state)
{
    (void)state;
    static struct fixture f;
    fixture_begin(&f);
    struct db *db = database_connect(&database);
    assert_int_not_equal(admit(&f, "lobby", ACCESS_ROOM_READ), OK);
    assert_int_not_equal(admit(&f, "", ACCESS_USER), OK);
    assert_int_equal(admit(&f, "", ACCESS_PUBLIC), OK);
    assert_int_equal(state_load(f.state, db), OK);
    assert_int_equal(admit(&f, "lobby", ACCESS_ROOM_READ), OK);
    assert_int_equal(admit(&f, "", ACCESS_USER), OK);
    db_free(db);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits__shuffled_by_eight_threads__reach_every_reader_once_in_order),
        cmocka_unit_test(commits__in_order__are_shown_from_memory_alone),
        cmocka_unit_test(commits__with_a_gap__are_read_from_the_database_before_the_answer),
        cmocka_unit_test(reader__of_a_room_that_never_rests__waits_only_for_what_was_before),
        cmocka_unit_test(counter__below_memory__drops_the_room),
        cmocka_unit_test(freshness__last_comparison__counts_for_a_minute),
        cmocka_unit_test(rooms__picture_that_is_not_fresh__is_not_shown),
        cmocka_unit_test(rights__that_are_not_fresh__admit_nobody),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
