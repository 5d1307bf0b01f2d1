/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A conversation in marked words: everything that people and an admin do, everything that is
 * refused, and the database going away in between; from addresses of their own.
 * test_closed_mouths.c then looks for the marks.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_MARKED_TALK_H
#define CONCLAVE_TESTS_INTEGRATION_MARKED_TALK_H

#include "integration/marks.h"
#include "integration/world.h"

enum { TALK_PEOPLE = 2 };

struct talk_marks {
    struct marks identities; /* of people: logs must not hold them, a dump does */
    struct marks places;     /* rooms, queries, headers: likewise */
    struct marks said;       /* and addresses: neither may hold them */
};

/* The room that is talked in: a dump holds it. */
#define TALK_ROOM "qroomq-7c1f-mark"

/*
 * w: one server with post_limit and type_check off, and TALK_PEOPLE accounts. Fills marks. Fails
 * the test that calls it.
 */
void marked_talk(struct world *w, struct talk_marks *marks);

#endif
