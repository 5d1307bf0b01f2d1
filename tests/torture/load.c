/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The threads of the load. They are paced, so that the machine is busy but the account of a long
 * run stays readable.
 */
#include "torture/load.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "torture/reading.h"

enum {
    POSTERS = 4,
    UPLOADERS = 2,
    READERS = 2,
    PEOPLE = POSTERS + UPLOADERS + READERS,
    POST_PAUSE_MS = 15,
    UNCERTAIN_PAUSE_MS = 150, /* the database is away: a member would look twice, too */
    UPLOAD_PAUSE_MS = 120,
    READ_PAUSE_MS = 40,
    GIVE_UP_MS = 90 * SECOND_MS,
    SHORT_LIFE_S = 2,
    HEADER_MAX_BYTES = 16,
    SMALL_FILE_BYTES = 6 * 1024,
    LARGE_FILE_BYTES = 700 * 1024, /* three chunks */
};

struct worker {
    pthread_t thread;
    struct person person;
    const atomic_bool *stopping;
    struct cursor cursors[TORTURE_ROOMS];
    void (*turn)(struct worker *w);
    uint64_t pause_max_ms;
};

struct load {
    atomic_bool stopping;
    struct worker workers[PEOPLE];
    size_t opened, started;
};

static void post_turn(struct worker *w)
{
    uint8_t room = (uint8_t)dice_below(&w->person.dice, TORTURE_ROOMS);
    size_t server = dice_below(&w->person.dice, TORTURE_SERVERS);
    int64_t deadline_ms = clock_mono_ms() + GIVE_UP_MS;
    uint32_t n = 0;
    enum fate fate = person_post(&w->person, room, server, AGAIN_ANYWHERE, deadline_ms, &n);
    if (fate == FATE_DONE)
        person_change(&w->person, n, deadline_ms);
    else
        (void)poll(NULL, 0, UNCERTAIN_PAUSE_MS);
}

/* ---- uploads ---- */

static uint32_t choose_size(struct dice *d)
{
    uint64_t most = dice_below(d, 20) == 0 ? LARGE_FILE_BYTES : SMALL_FILE_BYTES;
    return (uint32_t)(1 + dice_below(d, most));
}

/*
 * Until it is known: the content is the identity, so the same upload may be sent as often as need
 * be.
 */
static enum fate put_file(struct person *p, uint32_t n, const struct onion_request *request,
                          char *ret_id)
{
    size_t server = dice_below(&p->dice, TORTURE_SERVERS);
    int64_t deadline_ms = clock_mono_ms() + GIVE_UP_MS;
    while (clock_mono_ms() < deadline_ms) {
        struct onion_reply reply AUTO_ONION_REPLY = {0};
        enum err e = server_link_call(p->at[server].link, request, &reply);
        if (e == OK && reply.code == 200) {
            json_auto_t *json = json_loadb((const char *)reply.body.p, reply.body.len,
                                           JSON_REJECT_DUPLICATES, NULL);
            const char *id = json_string_value(json_object_get(json, "id"));
            (void)snprintf(ret_id, FILE_ID_TEXT_MAX + 1, "%s", id != NULL ? id : "");
            return FATE_DONE;
        }
        if (e == OK && reply.code != 503) {
            ledger_complain(p->ledger, "upload %u was answered %d", (unsigned)n, reply.code);
            return FATE_REFUSED;
        }
        (void)poll(NULL, 0, UPLOAD_PAUSE_MS);
        server = dice_below(&p->dice, TORTURE_SERVERS);
    }
    return FATE_MAYBE;
}

/* An earlier one, from whichever server: it must be there, whole. */
static void fetch_one(struct person *p)
{
    size_t count = ledger_uploads(p->ledger);
    uint32_t n = count == 0 ? 0 : (uint32_t)dice_below(&p->dice, count);
    struct upload u = {.short_lived = true};
    if (count > 0)
        u = ledger_upload(p->ledger, n);
    if (!u.short_lived && u.fate == FATE_DONE && u.post == UINT32_MAX)
        (void)reading_file(p, p->one_clock ? 0 : dice_below(&p->dice, TORTURE_SERVERS), n);
}

static void upload_turn(struct worker *w)
{
    struct person *p = &w->person;
    uint32_t size = choose_size(&p->dice);
    bool short_lived = dice_below(&p->dice, 2) == 0;
    uint32_t n = ledger_upload_new(p->ledger, size, short_lived);
    uint8_t *content = mem_alloc(size);
    if (n == UINT32_MAX || content == NULL) {
        ledger_complain(p->ledger, "no room for more uploads");
        mem_free(content);
        return;
    }
    ledger_content(p->ledger, n, content, size);
    char life[HEADER_MAX_BYTES];
    char id[FILE_ID_TEXT_MAX + 1] = "";
    (void)snprintf(life, sizeof(life), "%d", SHORT_LIFE_S);
    json_auto_t *headers = json_pack("{s:s}", "Content-Type", "application/octet-stream");
    if (short_lived)
        (void)json_object_set_new(headers, "X-FS-TTL", json_string(life));
    struct onion_request request = {.method = "POST",
                                    .endpoint = "/file",
                                    .headers = headers,
                                    .body = span_of(content, size),
                                    .has_body = true};
    enum fate fate = put_file(p, n, &request, id);
    ledger_upload_answered(p->ledger, n, fate, id);
    mem_free(content);
    fetch_one(p);
}

/* ---- reading ---- */

static void read_turn(struct worker *w)
{
    size_t server = dice_below(&w->person.dice, TORTURE_SERVERS);
    for (uint8_t room = 0; room < TORTURE_ROOMS; room++)
        (void)reading_on(&w->person, server, room, &w->cursors[room], false);
}

/* ---- the threads ---- */

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    while (!atomic_load(w->stopping)) {
        w->turn(w);
        (void)poll(NULL, 0, (int)dice_below(&w->person.dice, w->pause_max_ms));
    }
    return NULL;
}

static void give_role(struct worker *w, size_t i)
{
    if (i < POSTERS) {
        w->turn = post_turn;
        w->pause_max_ms = POST_PAUSE_MS;
    } else if (i < POSTERS + UPLOADERS) {
        w->turn = upload_turn;
        w->pause_max_ms = UPLOAD_PAUSE_MS;
    } else {
        w->turn = read_turn;
        w->pause_max_ms = READ_PAUSE_MS;
    }
}

enum err load_start(const struct world *w, struct ledger *ledger, uint64_t seed, bool one_clock,
                    struct load **ret_load)
{
    struct load *load = MEM_NEW(struct load);
    enum err e = load == NULL ? ERR_NO_MEMORY : OK;
    for (size_t i = 0; e == OK && i < PEOPLE; i++) {
        struct worker *worker = &load->workers[i];
        e = person_open(w, i % w->account_count, ledger, seed + 1 + i, &worker->person);
        load->opened += e == OK;
        worker->person.one_clock = one_clock;
        worker->stopping = &load->stopping;
        give_role(worker, i);
    }
    for (size_t i = 0; e == OK && i < PEOPLE; i++) {
        if (pthread_create(&load->workers[i].thread, NULL, worker_main, &load->workers[i]) != 0)
            e = ERR_NO_MEMORY;
        load->started += e == OK;
    }
    if (e != OK) {
        load_stop(load);
        return e;
    }
    *ret_load = load;
    return OK;
}

void load_stop(struct load *load)
{
    if (load == NULL)
        return;
    atomic_store(&load->stopping, true);
    for (size_t i = 0; i < load->started; i++)
        (void)pthread_join(load->workers[i].thread, NULL);
    for (size_t i = 0; i < load->opened; i++)
        person_close(&load->workers[i].person);
    mem_free(load);
}
