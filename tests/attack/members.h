/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an attack must not disturb: members who poll, read what lies behind memory, post, upload and
 * download, each through the three relays, at times of their own. Started and stopped by one
 * thread.
 */
#ifndef CONCLAVE_TESTS_ATTACK_MEMBERS_H
#define CONCLAVE_TESTS_ATTACK_MEMBERS_H

#include "attack/stage.h"

enum deed { DEED_POLL, DEED_READ, DEED_POST, DEED_UPLOAD, DEED_DOWNLOAD, DEEDS };
extern const char *const deed_names[DEEDS];

/* Requests are counted where they begin. */
enum phase { PHASE_WARM, PHASE_QUIET, PHASE_ATTACK, PHASES };

struct latency {
    double p50_ms, p99_ms;
    size_t samples;
};
struct tally {
    struct latency all, of[DEEDS];
    size_t requests;
    size_t broken;    /* answered 5xx, or not at all */
    size_t refused;   /* another answer than the right one */
    int refused_code; /* of one of those */
};

struct members;
/* They begin in PHASE_WARM. The stage is borrowed. */
MUST_USE enum err members_start(const struct stage *s, struct members **ret_members);
void members_phase(struct members *m, enum phase phase);
/* Stops and joins them. */
void members_stop(struct members *m);
struct tally members_tally(const struct members *m, enum phase phase);
void members_free(struct members *m); /* NULL is harmless */

#endif
