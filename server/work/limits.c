/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which rates a deed has to fit in. All of them or none: what was taken is given back when a later one refuses.
 */
#include "work/limits.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "work/buckets.h"

enum {
    ENTRIES_LOG2 = 16, /* 1 MB: those who do something within the time of a rate, not all members */
    RATES_MAX = 4,
    WHOLE_SERVER = 10, /* times the budget of one room */
};

/* What a key counts; part of it, so that kinds cannot meet. */
enum kind { BY_IDENTITY, BYTES_BY_IDENTITY, BY_STRANGERS };

struct key {
    uint8_t kind, action;
    uint8_t id[sizeof(struct session_id)];
    uint8_t room[sizeof(int64_t)];
};

struct rated {
    struct key key;
    struct bucket_rate rate;
    int64_t amount;
};

struct limits {
    const struct conf *conf;
    struct buckets *buckets;
};

enum err limits_new(const struct conf *conf, struct limits **ret_limits)
{
    struct limits *l = MEM_NEW(struct limits);
    if (l == NULL)
        return ERR_NO_MEMORY;
    l->conf = conf;
    enum err e = buckets_new(ENTRIES_LOG2, &l->buckets);
    if (e != OK) {
        mem_free(l);
        return e;
    }
    *ret_limits = l;
    return OK;
}

void limits_free(struct limits *l)
{
    if (l == NULL)
        return;
    buckets_free(l->buckets);
    mem_free(l);
}

static struct bucket_rate rate_of(struct conf_rate rate, int64_t times)
{
    return (struct bucket_rate){(int64_t)rate.count * times, rate.per_ms};
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
    case LIMIT_POSTS:
    case LIMIT_ACTIONS:
        break;
    }
    return (struct bucket_rate){0, 0};
}

static struct key key_of(enum kind kind, const struct limit_claim *claim, int64_t room)
{
    struct key key = {.kind = (uint8_t)kind, .action = (uint8_t)claim->action};
    if (kind != BY_STRANGERS)
        memcpy(key.id, claim->who.b, sizeof(key.id));
    memcpy(key.room, &room, sizeof(room));
    return key;
}

/* The rates that a deed counts in; how many. */
static size_t rates_of(const struct conf *conf, const struct limit_claim *c,
                       struct rated out[static RATES_MAX])
{
    size_t n = 0;
    out[n++] = (struct rated){key_of(BY_IDENTITY, c, 0), own_rate(conf, c->action), 1};
    if (c->action == LIMIT_UPLOADS && conf->limits.upload_bytes > 0)
        out[n++] = (struct rated){key_of(BYTES_BY_IDENTITY, c, 0),
                                  {(int64_t)conf->limits.upload_bytes, HOUR_MS},
                                  c->bytes};
    if (!c->stranger)
        return n;
    if (c->room != 0)
        out[n++] = (struct rated){key_of(BY_STRANGERS, c, c->room),
                                  rate_of(conf->limits.strangers_together, 1), 1};
    out[n++] = (struct rated){key_of(BY_STRANGERS, c, 0),
                              rate_of(conf->limits.strangers_together, WHOLE_SERVER), 1};
    return n;
}

bool limits_take(struct limits *l, const struct limit_claim *claim, int64_t now_ms)
{
    struct rated rates[RATES_MAX];
    size_t count = rates_of(l->conf, claim, rates);
    size_t taken = 0;
    while (taken < count &&
           buckets_take(l->buckets, span_of(&rates[taken].key, sizeof(rates[taken].key)),
                        rates[taken].rate, rates[taken].amount, now_ms))
        taken++;
    if (taken == count)
        return true;
    while (taken-- > 0)
        buckets_give(l->buckets, span_of(&rates[taken].key, sizeof(rates[taken].key)),
                     rates[taken].rate, rates[taken].amount);
    return false;
}
