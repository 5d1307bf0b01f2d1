/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blow by blow. What dies is started again as a supervisor would (a server process, PostgreSQL);
 * everything else has to come back by itself. It is back when both servers have acknowledged a new
 * post.
 */
#include "torture/torture.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "integration/fake_clock.h"
#include "torture/check.h"
#include "torture/load.h"
#include "torture/reading.h"
#include "torture/report.h"

enum {
    BACK_MAX_MS = 45 * SECOND_MS,
    SWEPT_MAX_MS = 60 * SECOND_MS,
    JUMPING = 1, /* the server whose clock jumps */
    RESTART_TRIES = 5,
    RESTART_PAUSE_MS = 200,
    PROGRESS_EVERY = 50,
    LAST_WORDS_MAX_BYTES = 4000,
};

struct run {
    const struct torture_options *options;
    struct torture_result result;
    struct world world;
    struct ledger *ledger;
    struct load *load;
    struct person probe;
    struct fake_clock clock; /* of the second server, if it jumps */
    int64_t ahead_s;
    int64_t began_ms;
};

/* ---- the clock that jumps ---- */

/* The environment that gives a server its clock; NULL: the real one. */
static const char *const *clock_of(const struct run *r, size_t server)
{
    return r->options->clock && server == JUMPING ? r->clock.env : NULL;
}

static enum err set_clock(struct run *r, int64_t ahead_s)
{
    if (!fake_clock_set(&r->clock, ahead_s)) {
        ledger_complain(r->ledger, "the clock cannot be set");
        return ERR_DENIED;
    }
    r->ahead_s = ahead_s;
    r->result.jumps++;
    return OK;
}

/* Does this server take posts, by its clock? */
static bool accepts(const struct run *r, size_t server)
{
    return server != JUMPING || plan_accepts(r->ahead_s);
}

/* ---- one blow ---- */

static enum err start_again(struct run *r, size_t server)
{
    enum err e = ERR_BUSY;
    for (int i = 0; e != OK && i < RESTART_TRIES; i++) {
        if (i > 0)
            (void)poll(NULL, 0, RESTART_PAUSE_MS);
        e = world_restart_server(&r->world, server, clock_of(r, server));
    }
    if (e != OK)
        ledger_complain(r->ledger, "server %zu did not start again (%s)", server, err_name(e));
    return e;
}

static enum err strike(struct run *r, const struct blow *blow)
{
    struct world *w = &r->world;
    size_t server = blow->which % TORTURE_SERVERS;
    bool all = blow->kind == KILL_SERVERS || blow->kind == KILL_EVERYTHING;
    enum err e = OK;
    if (blow->kind == KILL_SERVER || all)
        world_kill_server(w, server);
    if (all)
        world_kill_server(w, 1 - server);
    if (blow->kind == KILL_DATABASE || blow->kind == KILL_EVERYTHING)
        e = world_crash_database(w);
    if (blow->kind == KILL_BACKEND)
        e = world_kill_backend(w, blow->which);
    if (e == OK && (blow->kind == KILL_DATABASE || blow->kind == KILL_EVERYTHING))
        e = world_restart_database(w);
    if (e != OK)
        ledger_complain(r->ledger, "the database could not be killed and started (%s)",
                        err_name(e));
    if (e == OK && (blow->kind == KILL_SERVER || all))
        e = start_again(r, server);
    if (e == OK && all)
        e = start_again(r, 1 - server);
    return e;
}

/* Both servers take posts. */
static enum err wait_back(struct run *r)
{
    int64_t deadline_ms = clock_mono_ms() + BACK_MAX_MS;
    for (size_t server = 0; server < TORTURE_SERVERS; server++) {
        enum fate fate = accepts(r, server) ? FATE_MAYBE : FATE_DONE;
        uint32_t n = 0;
        while (fate != FATE_DONE && clock_mono_ms() < deadline_ms)
            fate = person_post(&r->probe, 0, server, AGAIN_THERE, deadline_ms, &n);
        if (fate != FATE_DONE) {
            ledger_complain(r->ledger, "server %zu took no posts within %d s", server,
                            BACK_MAX_MS / SECOND_MS);
            return ERR_BUSY;
        }
    }
    return OK;
}

static void tell_progress(const struct run *r)
{
    if (r->options->progress == NULL || r->result.kills_done % PROGRESS_EVERY != 0)
        return;
    (void)fprintf(r->options->progress, "%u kills, %" PRId64 " s, %zu complaints\n",
                  (unsigned)r->result.kills_done, (clock_mono_ms() - r->began_ms) / SECOND_MS,
                  ledger_complaints(r->ledger));
    (void)fflush(r->options->progress);
}

static enum err kill_all_along(struct run *r)
{
    struct dice dice = {r->options->seed}, jumps = {~r->options->seed};
    enum err e = wait_back(r);
    while (e == OK && r->result.kills_done < r->options->kills) {
        struct blow blow = plan_next(&dice);
        (void)poll(NULL, 0, (int)blow.delay_ms);
        int64_t struck_ms = clock_mono_ms();
        if (r->options->clock)
            e = set_clock(r, plan_jump(&jumps));
        if (e == OK)
            e = strike(r, &blow);
        if (e == OK)
            e = wait_back(r);
        int64_t took_ms = clock_mono_ms() - struck_ms;
        r->result.kills[blow.kind]++;
        r->result.kills_done++;
        r->result.recovery_sum_ms += took_ms;
        if (took_ms > r->result.recovery_max_ms)
            r->result.recovery_max_ms = took_ms;
        tell_progress(r);
    }
    return e;
}

/* ---- the account ---- */

/*
 * A server may warn while things die around it; an error means that it met something it was not
 * built for.
 */
static void read_log(struct run *r, size_t server)
{
    AUTO_BUF struct buf log = buf_make(MIB(256));
    if (world_log(&r->world, server, &log) != OK) {
        ledger_complain(r->ledger, "the log of server %zu cannot be read", server);
        return;
    }
    for (struct span rest = buf_span(&log); rest.len > 0;) {
        size_t n = span_find(rest, '\n');
        struct span line = span_first(rest, n);
        rest = span_skip(rest, n + 1);
        if (memmem(line.p, line.len, " error event=", 13) != NULL)
            ledger_complain(r->ledger, "server %zu says: %.*s", server, (int)line.len,
                            (const char *)line.p);
    }
}

static void read_rooms(struct run *r)
{
    for (uint8_t room = 0; room < TORTURE_ROOMS; room++) {
        struct cursor at = {0};
        /*
         * The second server has to show the same; its rows are compared with what the first one
         * showed.
         */
        enum err e = reading_on(&r->probe, 0, room, &at, true);
        int64_t last = at.seqno;
        at.seqno = 0;
        if (e == OK)
            e = reading_on(&r->probe, 1, room, &at, false);
        if (e != OK)
            ledger_complain(r->ledger, "room %u cannot be read (%s)", (unsigned)room, err_name(e));
        else if (at.seqno != last)
            ledger_complain(r->ledger, "room %u ends at %lld and at %lld", (unsigned)room,
                            (long long)last, (long long)at.seqno);
    }
}

static void read_files(struct run *r)
{
    for (uint32_t n = 0; n < ledger_uploads(r->ledger); n++) {
        struct upload u = ledger_upload(r->ledger, n);
        if (u.fate != FATE_DONE)
            continue;
        const struct post post =
            u.post == UINT32_MAX ? (struct post){.room = 0} : ledger_post(r->ledger, u.post);
        if (post.maybe_deleted && !post.deleted)
            continue;
        enum err e = u.short_lived || post.deleted
                         ? reading_gone(&r->probe, n % TORTURE_SERVERS, n)
                         : reading_file(&r->probe, n % TORTURE_SERVERS, n);
        if (e != OK)
            ledger_complain(r->ledger, "upload %u cannot be read (%s)", (unsigned)n, err_name(e));
    }
}

static void settle(struct run *r)
{
    const char *url = r->world.database_url;
    if (check_swept(url, SWEPT_MAX_MS) != OK)
        ledger_complain(r->ledger, "expired files were not removed within %d s",
                        SWEPT_MAX_MS / SECOND_MS);
    read_rooms(r);
    read_files(r);
    for (size_t server = 0; server < TORTURE_SERVERS; server++)
        read_log(r, server);
    if (check_database(url, r->options->clock, r->ledger) != OK)
        ledger_complain(r->ledger, "the database cannot be asked");
    r->result.sums = ledger_close(r->ledger);
    r->result.messages =
        check_number(url, "SELECT count(*) FROM conclave.messages WHERE body IS NOT NULL");
    r->result.blobs = check_number(url, "SELECT count(*) FROM conclave.blobs");
    r->result.nonces = check_number(url, "SELECT count(*) FROM conclave.nonces");
    if (r->result.messages != (int64_t)r->result.sums.posts_there)
        ledger_complain(r->ledger, "%" PRId64 " messages are stored, %zu were read",
                        r->result.messages, r->result.sums.posts_there);
}

/* ---- all of it ---- */

/* The other rooms were made by commands: servers learn of them within a second. */
static enum err wait_rooms(struct run *r)
{
    int64_t deadline_ms = clock_mono_ms() + BACK_MAX_MS;
    for (size_t server = 0; server < TORTURE_SERVERS; server++) {
        for (uint8_t room = 0; room < TORTURE_ROOMS; room++) {
            struct cursor at = {0};
            while (reading_on(&r->probe, server, room, &at, false) != OK) {
                if (clock_mono_ms() >= deadline_ms)
                    return ERR_MISSING;
                (void)poll(NULL, 0, RESTART_PAUSE_MS);
            }
        }
    }
    return OK;
}

static enum err open_run(struct run *r)
{
    static const char *const env[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                      "CONCLAVE_LIMITS_EDITS=off",
                                      "CONCLAVE_LIMITS_REACTIONS=off",
                                      "CONCLAVE_LIMITS_UPLOADS=off",
                                      "CONCLAVE_LIMITS_DELETIONS=off",
                                      "CONCLAVE_LIMITS_STRANGERS_BYTES=0",
                                      "CONCLAVE_FILES_STRANGERS_BYTES=0",
                                      "CONCLAVE_FILES_ANONYMOUS_BYTES=0",
                                      NULL};
    static const char *const second_room[] = {"room", "add", "second", "--name", "Second", NULL};
    const struct world_options options = {.servers = TORTURE_SERVERS - r->options->clock,
                                          .accounts = 4,
                                          .env = env,
                                          .live_is_enough = r->options->clock};
    AUTO_BUF struct buf out = buf_make(KIB(16));
    int status = 0;
    r->ledger = ledger_new(r->options->seed);
    enum err e = r->ledger == NULL ? ERR_NO_MEMORY : world_open(&r->world, &options);
    if (e == OK && r->options->clock)
        e = fake_clock_open(&r->clock, "torture") ? OK : ERR_DENIED;
    if (e == OK && r->options->clock)
        e = world_start_server(&r->world, r->clock.env, NULL);
    if (e == OK)
        e = world_conclave(&r->world, 0, second_room, &out, &status);
    if (e == OK)
        e = person_open(&r->world, 0, r->ledger, r->options->seed, &r->probe);
    if (e == OK)
        e = wait_rooms(r);
    if (e == OK)
        e = load_start(&r->world, r->ledger, r->options->seed, r->options->clock, &r->load);
    return e;
}

/* What a server that did not come back said last. */
static void show_logs(const struct run *r)
{
    for (size_t server = 0; server < r->world.server_count; server++) {
        AUTO_BUF struct buf log = buf_make(MIB(64));
        if (world_log(&r->world, server, &log) != OK)
            continue;
        size_t from = log.len > LAST_WORDS_MAX_BYTES ? log.len - LAST_WORDS_MAX_BYTES : 0;
        (void)fprintf(stderr, "--- the end of server %zu's log\n%.*s", server,
                      (int)(log.len - from), (const char *)log.p + from);
    }
}

static void close_run(struct run *r)
{
    load_stop(r->load);
    person_close(&r->probe);
    (void)world_close(&r->world);
    fake_clock_close(&r->clock);
    ledger_free(r->ledger);
}

enum err torture_run(const struct torture_options *options, FILE *report,
                     struct torture_result *ret_result)
{
    struct run r = {.options = options, .began_ms = clock_mono_ms()};
    enum err e = open_run(&r);
    if (e == OK)
        e = kill_all_along(&r);
    int64_t load_ended_ms = clock_mono_ms();
    load_stop(r.load);
    r.load = NULL;
    if (e == OK && options->clock)
        e = set_clock(&r, 0);
    if (e == OK)
        settle(&r);
    r.result.load_ms = load_ended_ms - r.began_ms;
    r.result.whole_ms = clock_mono_ms() - r.began_ms;
    if (r.ledger != NULL) {
        r.result.complaints = ledger_complaints(r.ledger);
        report_write(report, options, &r.result, r.ledger);
    }
    if (e != OK)
        show_logs(&r);
    *ret_result = r.result;
    close_run(&r);
    return e;
}
