/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of sets of eight. Hashing is seeded per process: whoever grinds keys must not be able to
 * push somebody out.
 */
#include "state/mailboxes.h"

#include <assert.h>
#include <pthread.h>

#include "base/mem.h"

enum { WAYS = 8 };

struct mailbox {
    struct session_id id;
    bool taken;
    bool known;    /* newest is complete; otherwise somebody is about to learn it */
    int64_t born;  /* complete_to when the place was taken: notes since then are in */
    uint64_t used; /* turn of the last use */
    int64_t newest[DM_BOXES];
};

struct mailboxes {
    pthread_mutex_t lock; /* guards all below */
    size_t sets;
    uint64_t seed[2];
    uint64_t turn;
    uint64_t epoch; /* raised by forget */
    int64_t complete_to;
    struct mailbox *all; /* sets * WAYS */
};

enum err mailboxes_new(size_t capacity, struct mailboxes **ret_mailboxes)
{
    assert(capacity >= WAYS && (capacity & (capacity - 1)) == 0);
    struct mailboxes *m = MEM_NEW(struct mailboxes);
    if (m == NULL)
        return ERR_NO_MEMORY;
    m->all = mem_alloc_zero(capacity, sizeof(*m->all));
    if (m->all == NULL) {
        mem_free(m);
        return ERR_NO_MEMORY;
    }
    m->sets = capacity / WAYS;
    m->complete_to = -1;
    crypto_random(m->seed, sizeof(m->seed));
    (void)pthread_mutex_init(&m->lock, NULL);
    *ret_mailboxes = m;
    return OK;
}

void mailboxes_free(struct mailboxes *m)
{
    if (m == NULL)
        return;
    (void)pthread_mutex_destroy(&m->lock);
    mem_free(m->all);
    mem_free(m);
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return h ^ (h >> 29);
}

static struct mailbox *set_of(const struct mailboxes *m, const struct session_id *id)
{
    uint64_t h = mix(m->seed[0], id->b[0]);
    for (size_t i = 1; i < sizeof(id->b); i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, id->b + i, sizeof(word));
        h = mix(h, word ^ m->seed[1]);
    }
    return &m->all[((size_t)h & (m->sets - 1)) * WAYS];
}

/* With the lock held. NULL: not there. */
static struct mailbox *find(const struct mailboxes *m, const struct session_id *id)
{
    struct mailbox *set = set_of(m, id);
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].taken && session_id_eq(&set[i].id, id))
            return &set[i];
    return NULL;
}

/*
 * With the lock held: the place of that person, or the one in the set that is free or unused for
 * longest.
 */
static struct mailbox *find_place(const struct mailboxes *m, const struct session_id *id)
{
    struct mailbox *set = set_of(m, id);
    struct mailbox *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].taken && session_id_eq(&set[i].id, id))
            return &set[i];
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    return oldest;
}

bool mailboxes_nothing_after(struct mailboxes *m, const struct session_id *id, enum dm_box box,
                             int64_t since)
{
    (void)pthread_mutex_lock(&m->lock);
    struct mailbox *b = find(m, id);
    bool sure = b != NULL && b->known && b->newest[box] <= since;
    if (b != NULL)
        b->used = ++m->turn;
    (void)pthread_mutex_unlock(&m->lock);
    return sure;
}

struct mailbox_mark mailboxes_begin(struct mailboxes *m, const struct session_id *id)
{
    (void)pthread_mutex_lock(&m->lock);
    struct mailbox_mark mark = {m->complete_to, m->epoch};
    *find_place(m, id) =
        (struct mailbox){.id = *id, .taken = true, .born = m->complete_to, .used = ++m->turn};
    (void)pthread_mutex_unlock(&m->lock);
    return mark;
}

static void raise(int64_t *newest, int64_t dm)
{
    if (*newest < dm)
        *newest = dm;
}

void mailboxes_finish(struct mailboxes *m, const struct session_id *id, struct mailbox_mark mark,
                      const int64_t newest[static DM_BOXES])
{
    (void)pthread_mutex_lock(&m->lock);
    struct mailbox *b = find(m, id);
    /* Taken anew after our begin: notes between our reading and that moment are missing from it. */
    if (b != NULL && mark.epoch == m->epoch && b->born <= mark.complete_to) {
        for (size_t box = 0; box < DM_BOXES; box++)
            raise(&b->newest[box], newest[box]);
        b->known = true;
    }
    (void)pthread_mutex_unlock(&m->lock);
}

void mailboxes_note(struct mailboxes *m, int64_t dm, const struct session_id *sender,
                    const struct session_id *recipient)
{
    (void)pthread_mutex_lock(&m->lock);
    struct mailbox *to = find(m, recipient);
    struct mailbox *from = find(m, sender);
    if (to != NULL)
        raise(&to->newest[DM_INBOX], dm);
    if (from != NULL)
        raise(&from->newest[DM_OUTBOX], dm);
    if (m->complete_to >= 0 && dm == m->complete_to + 1)
        m->complete_to = dm;
    (void)pthread_mutex_unlock(&m->lock);
}

int64_t mailboxes_complete_to(struct mailboxes *m)
{
    (void)pthread_mutex_lock(&m->lock);
    int64_t complete_to = m->complete_to;
    (void)pthread_mutex_unlock(&m->lock);
    return complete_to;
}

void mailboxes_complete(struct mailboxes *m, int64_t to)
{
    (void)pthread_mutex_lock(&m->lock);
    raise(&m->complete_to, to);
    (void)pthread_mutex_unlock(&m->lock);
}

void mailboxes_forget(struct mailboxes *m, int64_t complete_to)
{
    (void)pthread_mutex_lock(&m->lock);
    memset(m->all, 0, m->sets * WAYS * sizeof(*m->all));
    m->complete_to = complete_to;
    m->epoch++;
    (void)pthread_mutex_unlock(&m->lock);
}
