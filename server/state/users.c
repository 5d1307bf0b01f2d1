/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * People: global flags, a caller's rights in a room, and that somebody was seen.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/blind.h"
#include "state/picture.h"

static int order_ids(const void *a, const void *b)
{
    const struct session_id *x = a;
    const struct session_id *y = b;
    return memcmp(x->b, y->b, sizeof(x->b));
}

bool state_is_pending(struct state *state, const struct session_id *id)
{
    struct session_id absolute = blind15_absolute_form(id);
    (void)pthread_rwlock_rdlock(&state->table_lock);
    const struct pending_ids *pending = &state->pending;
    bool found = pending->count > 0 && bsearch(&absolute, pending->ids, pending->count,
                                               sizeof(*pending->ids), order_ids) != NULL;
    (void)pthread_rwlock_unlock(&state->table_lock);
    return found;
}

bool state_is_banned(struct state *state, const struct session_id *id)
{
    (void)pthread_rwlock_rdlock(&state->table_lock);
    const struct user_row *user = rights_user(&state->users, id);
    bool banned = user != NULL && user->banned;
    (void)pthread_rwlock_unlock(&state->table_lock);
    return banned;
}

bool state_may_globally(struct state *state, const struct session_id *id, bool as_admin)
{
    (void)pthread_rwlock_rdlock(&state->table_lock);
    const struct user_row *user = rights_user(&state->users, id);
    bool may = user != NULL && (user->admin || (user->moderator && !as_admin));
    (void)pthread_rwlock_unlock(&state->table_lock);
    return may;
}

void state_seen(struct state *state, const struct session_id *id, bool stranger, int64_t now_ms)
{
    sightings_add(state->sightings, id, 0, now_ms / HOUR_MS, stranger);
    known_add(state->known, id, now_ms);
}

bool state_is_member(struct state *state, const struct session_id *id, int64_t now_ms)
{
    return known_is_member(state->known, id, now_ms);
}

bool state_was_seen(struct state *state, const struct session_id *id)
{
    return sightings_has(state->sightings, id, 0);
}

void state_active(struct state *state, struct room *room, const struct session_id *id,
                  bool stranger, int64_t now_ms)
{
    sightings_add(state->sightings, id, room->id, now_ms / HOUR_MS, stranger);
}

struct filters *state_filters(struct room *room)
{
    (void)pthread_mutex_lock(&room->lock);
    struct filters *f = filters_hold(room->filters);
    (void)pthread_mutex_unlock(&room->lock);
    return f;
}

void state_rights(struct state *state, struct room *room, const struct identity *who,
                  struct rights *ret_rights)
{
    struct user_row user;
    const struct user_row *found = NULL;
    if (who->known) {
        (void)pthread_rwlock_rdlock(&state->table_lock);
        found = rights_user(&state->users, &who->id);
        if (found != NULL) {
            user = *found;
            found = &user;
        }
        (void)pthread_rwlock_unlock(&state->table_lock);
    }
    (void)pthread_mutex_lock(&room->lock);
    const struct permission_row *own =
        who->known ? rights_override(&room->overrides, &who->id) : NULL;
    rights_resolve(&room->info->defaults, own, found, ret_rights);
    (void)pthread_mutex_unlock(&room->lock);
}
