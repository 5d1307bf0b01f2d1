/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event query and the query for recent messages against a naive list of everything that
 * happened, and that neither walks tombstones however many there are
 * (docs/decisions/0001-indexes-of-events.md).
 *
 * test-timeout-s: 400
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "integration/database.h"
#include "integration/plan.h"
#include "store/posting.h"
#include "store/rooms.h"

enum { ROOMS = 2, MESSAGES_MAX = 400, STEPS = 900, QUESTIONS = 1500, HISTORIES = 3 };
/*
 * Tombstones of the plan's test: so many that walking them would show, in the full lane as many as
 * were measured.
 */
enum { TOMBSTONES = 30000, TOMBSTONES_FULL = 900000, ROWS = 101 };
/*
 * A page of messages costs some five pages per row for the row itself and its author, and a few for
 * finding it.
 */
enum { PAGES_MAX = ROWS * 5 + 100 };

static struct database database;

struct model {
    uint64_t random;
    struct db *db;
    struct ring *ring;
    struct aead_key key[ROOMS];
    int64_t key_id[ROOMS];
    int64_t room[ROOMS];
    int64_t sequence[ROOMS];
    int64_t user;
    size_t count;
    struct {
        size_t room;
        enum message_state state;
        struct message_row row;
    } messages[MESSAGES_MAX];
};

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

static size_t dice(struct model *m, size_t sides)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (size_t)(m->random % sides);
}

/* ---- making history ---- */

static void model_begin(struct model *m, uint64_t seed)
{
    static const uint8_t storage_key[32] = {1};
    const struct span tokens[ROOMS] = {SPAN("one"), SPAN("two")};
    *m = (struct model){.random = seed};
    database_renew(&database);
    m->db = database_connect(&database);
    assert_int_equal(ring_new(storage_key, &m->ring), OK);
    for (size_t i = 0; i < ROOMS; i++) {
        int64_t now_ms = clock_wall_ms();
        assert_int_equal(
            rooms_create(m->db, tokens[i], tokens[i], (struct span){0}, now_ms, &m->room[i]), OK);
        assert_int_equal(ring_key_current(m->ring, m->db, RING_MESSAGES, m->room[i], now_ms,
                                          &m->key_id[i], &m->key[i]),
                         OK);
    }
    m->user = database_number(
        m->db, "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
               " VALUES ('\\x15' || decode(repeat('ab', 32), 'hex'), 0, 0) RETURNING id");
}

static void model_end(struct model *m)
{
    ring_free(m->ring);
    db_free(m->db);
}

static void insert(struct model *m, size_t room, enum message_state kind)
{
    static const uint8_t signature[MESSAGE_SIGNATURE_BYTES] = {7};
    AUTO_ARENA struct arena *mem = arena_new(MIB(1));
    AUTO_BUF struct buf sealed = buf_make(KIB(4));
    int64_t *ids = NULL;
    int64_t seqno = kind == MESSAGE_HELD ? 0 : ++m->sequence[room];
    assert_int_equal(message_seal(&m->key[room], m->room[room], seqno,
                                  span_of(signature, sizeof(signature)), SPAN("text"), &sealed),
                     OK);
    struct message_insert row = {.room = m->room[room],
                                 .user = m->user,
                                 .seqno = seqno,
                                 .posted = (double)seqno,
                                 .state = kind,
                                 .key_id = m->key_id[room],
                                 .sealed = buf_span(&sealed)};
    struct session_id author = {{0x15}};
    memset(author.b + 1, 0xab, sizeof(author.b) - 1);
    const struct message_facts facts = {.room = m->room[room],
                                        .seqno_creation = seqno,
                                        .seqno_data = seqno,
                                        .state = (int64_t)kind,
                                        .posted = (double)seqno,
                                        .author = &author,
                                        .sealed = row.sealed};
    assert_int_equal(message_mac(&m->key[room], &facts, &row.mac), OK);
    assert_int_equal(posting_insert(m->db, mem, &row, 1, &ids), OK);
    m->messages[m->count].room = room;
    m->messages[m->count].state = kind;
    m->messages[m->count].row =
        (struct message_row){.id = ids[0], .seqno_creation = seqno, .seqno_data = seqno};
    m->count++;
}

static void change(struct model *m, const char *what, int64_t seqno, int64_t id)
{
    char sql[200];
    (void)snprintf(sql, sizeof(sql), "UPDATE conclave.messages SET %s = %ld WHERE id = %ld", what,
                   (long)seqno, (long)id);
    database_run(m->db, sql);
}

static void bury(struct model *m, size_t at)
{
    struct message_row *row = &m->messages[at].row;
    row->seqno_data = ++m->sequence[m->messages[at].room];
    row->deleted = true;
    change(m, "edited = 1, body = NULL, seqno_data", row->seqno_data, row->id);
}

/*
 * A room that was cleared, in no order of its own: nothing but tombstones, of which a reader knows
 * few.
 */
static void bury_all(struct model *m)
{
    for (size_t n = 0, at = 0; n < m->count; n++, at = (at + 181) % m->count)
        if (!m->messages[at].row.deleted && m->messages[at].state != MESSAGE_HELD)
            bury(m, at);
}

static void happen(struct model *m)
{
    size_t what = dice(m, 12);
    size_t at = m->count > 0 ? dice(m, m->count) : 0;
    if (m->count == 0 || (what < 5 && m->count < MESSAGES_MAX)) {
        size_t kind = dice(m, 12);
        insert(m, dice(m, ROOMS),
               kind == 0   ? MESSAGE_HELD
               : kind == 1 ? MESSAGE_FILTERED
                           : MESSAGE_VISIBLE);
        return;
    }
    struct message_row *row = &m->messages[at].row;
    if (row->deleted || m->messages[at].state == MESSAGE_HELD)
        return;
    if (what >= 9) {
        bury(m, at);
        return;
    }
    int64_t seqno = ++m->sequence[m->messages[at].room];
    if (what < 8) {
        row->seqno_reactions = seqno;
        change(m, "seqno_reactions", seqno, row->id);
    } else {
        row->seqno_data = seqno;
        change(m, "edited = 1, seqno_data", seqno, row->id);
    }
}

/* ---- asking ---- */

/* The first number in (since, up_to] under which this message belongs into the answer; 0: none. */
static int64_t event_of(const struct message_row *row, const struct message_query *q)
{
    bool data = row->seqno_data > q->since && row->seqno_data <= q->up_to;
    bool reactions = q->reactions && row->seqno_reactions > row->seqno_data &&
                     row->seqno_reactions > q->since && row->seqno_reactions <= q->up_to;
    if (row->deleted)
        return data && row->seqno_creation <= q->known_to ? row->seqno_data : 0;
    if (data)
        return row->seqno_data;
    return reactions && row->seqno_data <= q->since ? row->seqno_reactions : 0;
}

static const struct message_row *next_event(const struct model *m, size_t room,
                                            const struct message_query *q, int64_t after)
{
    const struct message_row *best = NULL;
    for (size_t i = 0; i < m->count; i++) {
        const struct message_row *row = &m->messages[i].row;
        int64_t event = event_of(row, q);
        if (m->messages[i].room == room && m->messages[i].state == MESSAGE_VISIBLE &&
            event > after && (best == NULL || event < event_of(best, q)))
            best = row;
    }
    return best;
}

static void assert_same(const struct message_row *found, const struct message_row *expected)
{
    assert_int_equal(found->id, expected->id);
    assert_int_equal(found->seqno_creation, expected->seqno_creation);
    assert_int_equal(found->seqno_data, expected->seqno_data);
    assert_int_equal(found->seqno_reactions, expected->seqno_reactions);
    assert_int_equal(found->deleted, expected->deleted);
    assert_true(expected->deleted ? found->data.len == 0 : span_eq_text(found->data, "text"));
}

/*
 * Memory wants all deletions, a reader those of what he knew; a page's later chunks begin behind
 * that.
 */
static int64_t any_known_to(struct model *m, int64_t since)
{
    size_t kind = dice(m, 4);
    if (kind < 2)
        return kind == 0 ? INT64_MAX : since;
    return (int64_t)dice(m, (size_t)since + 1);
}

static void ask_events(struct model *m)
{
    size_t room = dice(m, ROOMS);
    struct message_query q = {
        .room = m->room[room],
        .since = (int64_t)dice(m, (size_t)m->sequence[room] + 2),
        .up_to = dice(m, 3) == 0 ? (int64_t)dice(m, (size_t)m->sequence[room] + 2) : INT64_MAX,
        .limit = dice(m, 4) == 0 ? 256 : (int64_t)dice(m, 12) + 1,
        .reactions = dice(m, 2) == 0,
    };
    q.known_to = any_known_to(m, q.since);
    AUTO_ARENA struct arena *mem = arena_new(MIB(16));
    struct message_row *rows = NULL;
    size_t count = 0;
    int64_t complete_to = -1;
    int64_t after = 0;
    assert_int_equal(messages_events(m->db, m->ring, mem, &q, &rows, &count, &complete_to), OK);
    assert_true(count <= (size_t)q.limit);
    for (size_t i = 0; i < count; i++) {
        const struct message_row *expected = next_event(m, room, &q, after);
        assert_non_null(expected);
        assert_same(&rows[i], expected);
        after = event_of(expected, &q);
    }
    const struct message_row *beyond = next_event(m, room, &q, after);
    assert_int_equal(complete_to, beyond != NULL ? event_of(beyond, &q) - 1 : q.up_to);
    assert_true(beyond == NULL || count == (size_t)q.limit);
}

static void ask_before(struct model *m)
{
    size_t room = dice(m, ROOMS);
    int64_t before = dice(m, 3) == 0 ? INT64_MAX : (int64_t)dice(m, m->count + 2);
    int64_t limit = (int64_t)dice(m, 30) + 1;
    AUTO_ARENA struct arena *mem = arena_new(MIB(16));
    struct message_row *rows = NULL;
    size_t count = 0;
    size_t at = 0;
    const struct message_range range = {.room = m->room[room], .before = before, .limit = limit};
    assert_int_equal(messages_before(m->db, m->ring, mem, &range, &rows, &count), OK);
    for (size_t i = m->count; i > 0 && at < (size_t)limit; i--) {
        const struct message_row *row = &m->messages[i - 1].row;
        if (m->messages[i - 1].room != room || m->messages[i - 1].state != MESSAGE_VISIBLE ||
            row->deleted || row->id >= before)
            continue;
        assert_true(at < count);
        assert_same(&rows[at++], row);
    }
    assert_int_equal(at, count);
}

static void queries__of_random_histories__agree_with_a_naive_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        static struct model m;
        model_begin(&m, seed);
        for (int i = 0; i < STEPS; i++)
            happen(&m);
        if (seed == HISTORIES)
            bury_all(&m);
        for (int i = 0; i < QUESTIONS; i++) {
            if (i % 4 == 0)
                ask_before(&m);
            else
                ask_events(&m);
        }
        model_end(&m);
    }
}

/* ---- the plan ---- */

/* A room of live messages among tombstones: every tenth message lives. */
static void fill(struct db *db, int64_t tombstones)
{
    char sql[900];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO conclave.rooms (id, token, name, created) OVERRIDING SYSTEM VALUE "
                   "VALUES (77, 'old', 'old', 0);"
                   "INSERT INTO conclave.users (id, session_id, created_hour, last_active_hour) "
                   "OVERRIDING SYSTEM VALUE"
                   " VALUES (77, '\\x15' || decode(repeat('cd', 32), 'hex'), 0, 0);"
                   "INSERT INTO conclave.messages"
                   " (id, room, author, posted, seqno_creation, seqno_data, key_id, body) "
                   "OVERRIDING SYSTEM VALUE"
                   " SELECT 1000 + n, 77, 77, n, n,"
                   "        CASE WHEN n %% 10 = 0 THEN n ELSE %ld + n END, 1,"
                   "        CASE WHEN n %% 10 = 0 THEN decode(repeat('00', 104), 'hex') END"
                   "   FROM generate_series(1, %ld) n;",
                   (long)(tombstones / 9 * 10), (long)(tombstones / 9 * 10));
    database_run(db, "SET statement_timeout = 0");
    database_run(db, sql);
    database_run(db, "VACUUM ANALYZE conclave.messages");
}

static void queries__among_many_tombstones__touch_few_pages(void **state)
{
    (void)state;
    int64_t tombstones = getenv("CONCLAVE_TEST_FULL") != NULL ? TOMBSTONES_FULL : TOMBSTONES;
    int64_t all = tombstones / 9 * 10;
    char execute[120];
    database_renew(&database);
    struct db *db = database_connect(&database);
    fill(db, tombstones);
    const struct {
        const char *name;
        int64_t since;
    } readers[] = {{"from the beginning", 0},
                   {"who has half of the posts", all / 2},
                   {"who has all posts, no deletion", all},
                   {"who has half of the deletions", all + all / 2},
                   {"who has everything", 2 * all}};
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        double ms = 0;
        (void)snprintf(execute, sizeof(execute), "\"messages.events\"(77, %ld, %ld, %d, true, %ld)",
                       (long)readers[i].since, (long)(2 * all), ROWS, (long)readers[i].since);
        (void)plan_pages(db, execute, PAGES_MAX, &ms);
        int64_t pages = plan_pages(db, execute, PAGES_MAX, &ms);
        print_message("events, a reader %s: %ld pages, %.2f ms\n", readers[i].name, (long)pages,
                      ms);
        assert_in_range(pages, 1, PAGES_MAX);
    }
    double ms = 0;
    int64_t pages =
        plan_pages(db, "\"messages.before\"(77, 9223372036854775807, 100)", PAGES_MAX, &ms);
    print_message("recent: %ld pages, %.2f ms\n", (long)pages, ms);
    assert_in_range(pages, 1, PAGES_MAX);
    db_free(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries__of_random_histories__agree_with_a_naive_list),
        cmocka_unit_test(queries__among_many_tombstones__touch_few_pages),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
