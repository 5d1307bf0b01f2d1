/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who was seen in which hour: gathered in memory, written once per person, room and hour (design
 * D3, D11). Bounded: when it is full it forgets what it has already written, and else lets
 * sightings go; strangers get half of it at most.
 */
#ifndef CONCLAVE_STATE_SIGHTINGS_H
#define CONCLAVE_STATE_SIGHTINGS_H

#include <stdbool.h>

#include "crypto/keys.h"
#include "store/users.h"

struct sightings;

enum { SIGHTINGS_FLUSH_MAX = 4096 };

/* capacity: entries, a power of two. */
MUST_USE enum err sightings_new(size_t capacity, struct sightings **ret_sightings);
void sightings_free(struct sightings *s);
/* room 0: seen at all. When there is no room for it, it is lost. Any thread; one short lock. */
void sightings_add(struct sightings *s, const struct session_id *id, int64_t room, int64_t hour,
                   bool stranger);
/* Is that entry still there, written or not? */
bool sightings_has(struct sightings *s, const struct session_id *id, int64_t room);
/*
 * Copies up to max sightings that are not written yet and marks them as written. *new_left bounds
 * how many strangers among them are taken for the first time; it is counted down.
 */
size_t sightings_take(struct sightings *s, struct sighting *ret_sightings, size_t max,
                      size_t *new_left);
/* They were not written after all. */
void sightings_give_back(struct sightings *s, const struct sighting *sightings, size_t count);

#endif
