/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which rates a deed has to fit in. All of them or none: what was taken is given back when a later
 * one refuses.
 */
#include "work/limits.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "work/buckets.h"

enum {
    ENTRIES_LOG2 = 16, /* 1 MB: those who do something within the time of a rate, not all members */
    SHARED_LOG2 = 10,  /* the few that many count in: no flood of identities makes them forgotten */
    RATES_MAX = 8,
    WHOLE_SERVER = 10, /* times the budget of one room */
};

/* What a key counts; part of it, so that they cannot meet. */
enum counted {
    BY_IDENTITY,
    BYTES_BY_IDENTITY,
    BY_STRANGERS_IN_ROOM,
    BY_STRANGERS,
    BYTES_BY_STRANGERS,
    BY_KIND,
    BYTES_BY_KIND,
};

struct key {
    uint8_t counted, action, kind;
    uint8_t id[sizeof(struct session_id)];
    uint8_t room[sizeof(int64_t)];
};

struct rated {
    struct key key;
    struct bucket_rate rate;
    int64_t amount;
};

/* The rates of one deed. */
struct rates {
    struct rated rated[RATES_MAX];
    size_t count;
};

struct limits {
    const struct conf *conf;
    struct buckets *each;   /* of identities and rooms */
    struct buckets *shared; /* the others */
};

enum err limits_new(const struct conf *conf, struct limits **ret_limits)
{
    struct limits *l = MEM_NEW(struct limits);
    if (l == NULL)
        return ERR_NO_MEMORY;
    l->conf = conf;
    enum err e = buckets_new(ENTRIES_LOG2, &l->each);
    if (e == OK)
        e = buckets_new(SHARED_LOG2, &l->shared);
    if (e != OK) {
        limits_free(l);
        return e;
    }
    *ret_limits = l;
    return OK;
}

void limits_free(struct limits *l)
{
    if (l == NULL)
        return;
    buckets_free(l->each);
    buckets_free(l->shared);
    mem_free(l);
}

/* ---- which rates ---- */

static struct bucket_rate rate_of(struct conf_rate rate, int64_t times)
{
    return (struct bucket_rate){(int64_t)rate.count * times, rate.per_ms};
}

static struct bucket_rate bytes_a_day(size_t bytes)
{
    return (struct bucket_rate){(int64_t)bytes, DAY_MS};
}

static struct bucket_rate own_rate(const struct conf *conf, enum limit_action action)
{
    switch (action) {
    case LIMIT_UPLOADS:
        return rate_of(conf->limits.uploads, 1);
    case LIMIT_DMS:
        return rate_of(conf->limits.dms, 1);
    case LIMIT_REACTIONS:
        return rate_of(conf->limits.reactions, 1);
    case LIMIT_EDITS:
        return rate_of(conf->limits.edits, 1);
    case LIMIT_DELETIONS:
        return rate_of(conf->limits.deletions, 1);
    case LIMIT_MODERATION:
        return rate_of(conf->limits.moderation, 1);
    case LIMIT_POSTS:
    case LIMIT_EXTENSIONS:
    case LIMIT_ACTIONS:
        break;
    }
    return (struct bucket_rate){0, 0};
}

static void add(struct rates *r, enum counted counted, const struct limit_claim *c,
                struct bucket_rate rate)
{
    bool bytes =
        counted == BYTES_BY_IDENTITY || counted == BYTES_BY_STRANGERS || counted == BYTES_BY_KIND;
    bool of_identity = counted == BY_IDENTITY || counted == BYTES_BY_IDENTITY;
    struct rated *to = &r->rated[r->count++];
    *to = (struct rated){
        .key = {.counted = (uint8_t)counted}, .rate = rate, .amount = bytes ? c->bytes : c->amount};
    if (of_identity)
        memcpy(to->key.id, c->who.b, sizeof(to->key.id));
    if (counted == BY_STRANGERS_IN_ROOM)
        memcpy(to->key.room, &c->room, sizeof(c->room));
    if (counted == BY_KIND || counted == BYTES_BY_KIND)
        to->key.kind = (uint8_t)c->kind;
    else if (counted != BYTES_BY_STRANGERS) /* one for whatever is written */
        to->key.action = (uint8_t)c->action;
}

static void add_strangers(struct rates *r, const struct conf *conf, const struct limit_claim *c)
{
    bool writes = c->action == LIMIT_POSTS || c->action == LIMIT_EDITS || c->action == LIMIT_DMS;
    if (c->room != 0)
        add(r, BY_STRANGERS_IN_ROOM, c, rate_of(conf->limits.strangers_together, 1));
    add(r, BY_STRANGERS, c, rate_of(conf->limits.strangers_together, WHOLE_SERVER));
    if (writes)
        add(r, BYTES_BY_STRANGERS, c, bytes_a_day(conf->limits.strangers_bytes));
}

static void add_own(struct rates *r, const struct conf *conf, const struct limit_claim *c)
{
    struct limit_claim own = *c;
    if (c->moderates)
        own.action = LIMIT_MODERATION;
    add(r, BY_IDENTITY, &own, own_rate(conf, own.action));
    if (own.action == LIMIT_UPLOADS)
        add(r, BYTES_BY_IDENTITY, c,
            (struct bucket_rate){(int64_t)conf->limits.upload_bytes, HOUR_MS});
}

static struct bucket_rate kind_bytes(const struct conf *conf, enum caller_kind kind)
{
    if (kind == CALLER_MEMBER)
        return bytes_a_day(conf->files.members_bytes);
    return bytes_a_day(kind == CALLER_STRANGER ? conf->files.strangers_bytes
                                               : conf->files.anonymous_bytes);
}

/* The rates that a deed counts in; those of its kind of callers last. */
static struct rates rates_of(const struct conf *conf, const struct limit_claim *c)
{
    struct rates r = {.count = 0};
    bool upload = c->action == LIMIT_UPLOADS;
    if (c->kind != CALLER_ANONYMOUS)
        add_own(&r, conf, c);
    if (c->kind == CALLER_STRANGER)
        add_strangers(&r, conf, c);
    if (upload)
        add(&r, BY_KIND, c, rate_of(conf->files.upload_limit, 1));
    if (upload || c->action == LIMIT_EXTENSIONS)
        add(&r, BYTES_BY_KIND, c, kind_bytes(conf, c->kind));
    return r;
}

/* ---- counting ---- */

static bool is_of_kind(const struct rated *rated)
{
    return rated->key.counted == BY_KIND || rated->key.counted == BYTES_BY_KIND;
}

static struct buckets *table_of(struct limits *l, const struct rated *rated)
{
    bool each = rated->key.counted <= BY_STRANGERS_IN_ROOM;
    return each ? l->each : l->shared;
}

static struct span key_of(const struct rated *rated)
{
    return span_of(&rated->key, sizeof(rated->key));
}

enum limit_verdict limits_take(struct limits *l, const struct limit_claim *claim, int64_t now_ms)
{
    const struct rates r = rates_of(l->conf, claim);
    size_t taken = 0;
    while (taken < r.count) {
        const struct rated *rated = &r.rated[taken];
        if (!buckets_take(table_of(l, rated), key_of(rated), rated->rate, rated->amount, now_ms))
            break;
        taken++;
    }
    if (taken == r.count)
        return LIMIT_FITS;
    enum limit_verdict verdict = is_of_kind(&r.rated[taken]) ? LIMIT_OF_KIND : LIMIT_OWN;
    while (taken-- > 0) {
        const struct rated *rated = &r.rated[taken];
        buckets_give(table_of(l, rated), key_of(rated), rated->rate, rated->amount);
    }
    return verdict;
}

void limits_charge(struct limits *l, const struct limit_claim *claim, int64_t now_ms)
{
    const struct rates r = rates_of(l->conf, claim);
    for (size_t i = 0; i < r.count; i++) {
        const struct rated *rated = &r.rated[i];
        buckets_charge(table_of(l, rated), key_of(rated), rated->rate, rated->amount, now_ms);
    }
}
