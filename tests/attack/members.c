/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread for each kind of deed, some for those that are frequent. A request that takes longer
 * than the pause between two keeps later ones from being sent; they are counted with the time for
 * which they would have waited, so that standing still for five seconds is not one slow request
 * among many fast ones.
 */
#include "attack/members.h"

#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/room_file.h"

enum {
    SAMPLES_MAX = 20000, /* of a thread in a phase */
    ACCOUNTS_MAX = 8,
    TIMEOUT_MS = 10 * SECOND_MS,
    UPLOAD_BYTES = 100 * 1000, /* more than 64 KB: such bodies are let in otherwise */
    POLLED_ROOMS = 2,
    POSTED_ROOMS = 4,
    SERVER_ERROR = 500,
};

const char *const deed_names[DEEDS] = {"poll", "read", "post", "upload", "download"};

struct worker;
/* Its code; 0: no answer. */
typedef int (*deed_fn)(struct worker *w);

static int do_poll(struct worker *w);
static int do_read(struct worker *w);
static int do_post(struct worker *w);
static int do_upload(struct worker *w);
static int do_download(struct worker *w);

/*
 * Who does what: accounts are taken in turn, so that no one comes near to the limits of one person.
 */
static const struct role {
    enum deed deed;
    deed_fn run;
    size_t accounts;
    int pause_ms;
} roles[] = {
    {DEED_POLL, do_poll, 1, 50},      {DEED_POLL, do_poll, 1, 50},
    {DEED_POLL, do_poll, 1, 50},      {DEED_READ, do_read, 1, 80},
    {DEED_READ, do_read, 1, 80},      {DEED_POST, do_post, 8, 120},
    {DEED_UPLOAD, do_upload, 8, 120}, {DEED_DOWNLOAD, do_download, 2, 100},
};

struct samples {
    double ms[SAMPLES_MAX];
    size_t count, requests, broken, refused;
    int refused_code;
};

struct worker {
    pthread_t thread;
    const struct role *role;
    struct members *all;
    const struct stage *stage;
    struct server_link *link;
    struct community as[ACCOUNTS_MAX];
    struct room_view views[POLLED_ROOMS];
    size_t turn;
    uint8_t content[UPLOAD_BYTES];
    struct samples phases[PHASES];
};

struct members {
    atomic_bool stopping;
    _Atomic int phase;
    size_t opened, started;
    struct worker workers[COUNT_OF(roles)];
};

/* ---- deeds ---- */

static int code_of(const struct worker *w, const struct community *c, enum err e)
{
    if (e == OK)
        return 200;
    if (e == ERR_DENIED && c->refusal.code != 0)
        return c->refusal.code;
    return server_link_trouble(w->link)->status;
}

static int do_poll(struct worker *w)
{
    json_auto_t *batch = NULL;
    struct community *c = &w->as[0];
    return code_of(w, c, community_poll(c, POLL_IOS, w->views, POLLED_ROOMS, &batch));
}

static int do_read(struct worker *w)
{
    json_auto_t *rows = NULL;
    struct community *c = &w->as[0];
    enum err e = community_since(c, "lobby", 1 + (int64_t)(w->turn % 100), 100, &rows);
    return e == OK && json_array_size(rows) != 100 ? 404 : code_of(w, c, e);
}

static int do_post(struct worker *w)
{
    json_auto_t *row = NULL;
    char room[8], text[64];
    struct community *c = &w->as[w->turn % w->role->accounts];
    (void)snprintf(room, sizeof(room), "r%zu", 10 + w->turn / w->role->accounts % POSTED_ROOMS);
    (void)snprintf(text, sizeof(text), "what a member says, number %zu", w->turn);
    return code_of(w, c, community_post(c, room, text, &row));
}

static int do_upload(struct worker *w)
{
    int64_t id = 0;
    struct community *c = &w->as[w->turn % w->role->accounts];
    randombytes_buf(w->content, sizeof(w->content));
    return code_of(w, c,
                   room_file_put(c, "r20", span_of(w->content, sizeof(w->content)), NULL, &id));
}

static int do_download(struct worker *w)
{
    struct buf bytes AUTO_BUF = buf_make(MIB(1));
    struct community *c = &w->as[w->turn % w->role->accounts];
    return code_of(w, c,
                   room_file_get(c, "lobby", w->stage->room_file, SIGNED_BLINDED, &bytes, NULL));
}

/* ---- threads ---- */

static void add(struct samples *s, double ms)
{
    if (s->count < SAMPLES_MAX)
        s->ms[s->count++] = ms;
}

static void note(struct worker *w, enum phase phase, double ms, int code)
{
    struct samples *s = &w->phases[phase];
    s->requests++;
    if (code == 0 || code >= SERVER_ERROR) {
        s->broken++;
    } else if (code != 200) {
        s->refused++;
        s->refused_code = code;
    }
    for (; ms > 0; ms -= w->role->pause_ms)
        add(s, ms);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    (void)setpriority(PRIO_PROCESS, 0, stage_nice()); /* this thread's alone */
    while (!atomic_load(&w->all->stopping)) {
        enum phase phase = (enum phase)atomic_load(&w->all->phase);
        int64_t began_us = clock_mono_us();
        int code = w->role->run(w);
        double ms = (double)(clock_mono_us() - began_us) / 1000;
        note(w, phase, ms, code);
        w->turn++;
        if (ms < w->role->pause_ms)
            (void)poll(NULL, 0, w->role->pause_ms - (int)ms);
    }
    return NULL;
}

static enum err worker_open(const struct stage *s, size_t role, size_t first_account,
                            struct worker *w)
{
    struct server_link_options options = world_route(&s->world, 0, true);
    options.timeout_ms = TIMEOUT_MS;
    w->role = &roles[role];
    w->stage = s;
    enum err e = server_link_open(&options, &w->link);
    for (size_t i = 0; e == OK && i < w->role->accounts; i++)
        e = community_open(w->link, &s->world.accounts[first_account + i], &w->as[i]);
    for (size_t i = 0; i < POLLED_ROOMS; i++)
        (void)snprintf(w->views[i].token, sizeof(w->views[i].token), "r%zu", i + 1);
    return e;
}

enum err members_start(const struct stage *s, struct members **ret_members)
{
    struct members *m = MEM_NEW(struct members);
    size_t account = 0;
    enum err e = m == NULL ? ERR_NO_MEMORY : OK;
    for (size_t i = 0; e == OK && i < COUNT_OF(roles); i++) {
        m->workers[i].all = m;
        e = worker_open(s, i, account, &m->workers[i]);
        account += roles[i].accounts;
        m->opened++;
    }
    for (size_t i = 0; e == OK && i < COUNT_OF(roles); i++) {
        if (pthread_create(&m->workers[i].thread, NULL, worker_main, &m->workers[i]) != 0)
            e = ERR_NO_MEMORY;
        else
            m->started++;
    }
    if (e == OK) {
        *ret_members = m;
    } else {
        members_stop(m);
        members_free(m);
    }
    return e;
}

void members_phase(struct members *m, enum phase phase)
{
    atomic_store(&m->phase, phase);
}

void members_stop(struct members *m)
{
    if (m == NULL)
        return;
    atomic_store(&m->stopping, true);
    for (size_t i = 0; i < m->started; i++)
        (void)pthread_join(m->workers[i].thread, NULL);
    m->started = 0;
}

void members_free(struct members *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->opened; i++) {
        for (size_t a = 0; a < m->workers[i].role->accounts; a++)
            community_close(&m->workers[i].as[a]);
        server_link_close(m->workers[i].link);
    }
    mem_free(m);
}

/* ---- adding up ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of those threads that do this; DEEDS: of all. */
static struct latency latency_of(const struct members *m, enum phase phase, enum deed deed)
{
    struct latency l = {.samples = 0};
    double *ms = mem_alloc_zero(COUNT_OF(roles) * SAMPLES_MAX, sizeof(*ms));
    for (size_t i = 0; ms != NULL && i < COUNT_OF(roles); i++) {
        const struct samples *s = &m->workers[i].phases[phase];
        if (deed != DEEDS && m->workers[i].role->deed != deed)
            continue;
        memcpy(ms + l.samples, s->ms, s->count * sizeof(*ms));
        l.samples += s->count;
    }
    if (l.samples > 0) {
        qsort(ms, l.samples, sizeof(*ms), by_size);
        l.p50_ms = ms[l.samples / 2];
        l.p99_ms = ms[l.samples * 99 / 100];
    }
    mem_free(ms);
    return l;
}

struct tally members_tally(const struct members *m, enum phase phase)
{
    struct tally t = {.all = latency_of(m, phase, DEEDS)};
    for (int deed = 0; deed < DEEDS; deed++)
        t.of[deed] = latency_of(m, phase, (enum deed)deed);
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        const struct samples *s = &m->workers[i].phases[phase];
        t.requests += s->requests;
        t.broken += s->broken;
        t.refused += s->refused;
        if (s->refused > 0)
            t.refused_code = s->refused_code;
    }
    return t;
}
