/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One lock, held for a few instructions, for all places of a listener: suspending and resuming
 * happen under it, so that a connection is resumed exactly once whoever comes first.
 */
#include "http/lot.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"

struct lot {
    pthread_mutex_t lock; /* guards the list and all places */
    struct lot_place *first;
    atomic_bool closed; /* written under the lock */
};

enum err lot_new(struct lot **ret_lot)
{
    struct lot *lot = MEM_NEW(struct lot);
    if (lot == NULL)
        return ERR_NO_MEMORY;
    (void)pthread_mutex_init(&lot->lock, NULL);
    atomic_init(&lot->closed, false);
    *ret_lot = lot;
    return OK;
}

void lot_free(struct lot *lot)
{
    if (lot == NULL)
        return;
    (void)pthread_mutex_destroy(&lot->lock);
    mem_free(lot);
}

/* Lock held. */
static void resume(struct lot *lot, struct lot_place *place)
{
    if (place->prev != NULL)
        place->prev->next = place->next;
    else
        lot->first = place->next;
    if (place->next != NULL)
        place->next->prev = place->prev;
    struct MHD_Connection *connection = place->connection;
    place->next = NULL;
    place->prev = NULL;
    place->connection = NULL;
    MHD_resume_connection(connection);
}

enum lot_answer lot_park(struct lot *lot, struct lot_place *place,
                         struct MHD_Connection *connection)
{
    enum lot_answer answer;
    (void)pthread_mutex_lock(&lot->lock);
    if (atomic_load(&lot->closed)) {
        answer = LOT_CLOSED;
    } else if (place->woken) {
        place->woken = false;
        answer = LOT_WOKEN;
    } else {
        MHD_suspend_connection(connection);
        place->connection = connection;
        place->prev = NULL;
        place->next = lot->first;
        if (lot->first != NULL)
            lot->first->prev = place;
        lot->first = place;
        answer = LOT_PARKED;
    }
    (void)pthread_mutex_unlock(&lot->lock);
    return answer;
}

void lot_wake(struct lot *lot, struct lot_place *place)
{
    (void)pthread_mutex_lock(&lot->lock);
    if (place->connection != NULL)
        resume(lot, place);
    else
        place->woken = true;
    (void)pthread_mutex_unlock(&lot->lock);
}

void lot_close(struct lot *lot)
{
    (void)pthread_mutex_lock(&lot->lock);
    atomic_store(&lot->closed, true);
    while (lot->first != NULL)
        resume(lot, lot->first);
    (void)pthread_mutex_unlock(&lot->lock);
}

bool lot_is_closed(const struct lot *lot)
{
    return atomic_load(&lot->closed);
}
