/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A room's name and description as they come in JSON: without control characters, and not too long.
 * Whoever makes a room and whoever changes it reads them alike. Failure is the document's
 * (json_ok). Stateless; any thread.
 */
#ifndef CONCLAVE_COMMUNITY_ROOM_TEXTS_H
#define CONCLAVE_COMMUNITY_ROOM_TEXTS_H

#include "router/json_in.h"

/* In in->mem. May become empty. */
struct span room_texts_name(struct json_in *in, struct span text);
/* The same, but tabs and line ends stay. */
struct span room_texts_description(struct json_in *in, struct span text);

#endif
