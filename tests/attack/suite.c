/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For each attack: prepare, let members begin, measure them quiet, let the attacker go, measure
 * them again.
 */
#include "attack/suite.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "attack/attacker.h"
#include "attack/members.h"
#include "base/clock.h"

enum {
    WARM_MS = 1000,
    WARM_SHORT_MS = 300,
    TIMES = 3,    /* members' 99th percentile may be so many times the quiet one, */
    MORE_MS = 50, /* and so much more */
    SAMPLES_LEAST =
        100,        /* of a kind of request: with fewer, the 99th percentile is the worst one */
    LOST_OF = 1000, /* fewer than one request in so many may fail */
};

static const struct attack *const tables[] = {attack_connections, attack_changes, attack_reads,
                                              attack_people, attack_frames};

/* What one attack came to. */
struct outcome {
    struct tally quiet, attacked;
    struct attacker_sums sums;
    double bytes_per_s;  /* that the attacker sent */
    const char *slowest; /* of the kinds of requests that took longer than they may; NULL: none */
    bool checked;
    char why[ATTACK_WHY_MAX];
};

/* ---- measuring ---- */

static uint64_t sent_bytes(const struct weapon *w, const struct attacker_sums *sums)
{
    return sums->held.sent_bytes +
           (uint64_t)((double)sums->answers.begun * weapon_request_bytes(w));
}

/*
 * quiet: what was measured before, in the short form; with no requests in it, it is measured now.
 */
static bool measure(struct stage *s, const struct weapon *w, int seconds, const struct tally *quiet,
                    struct outcome *o)
{
    struct attacker attacker = {.pid = 0};
    struct members *members = NULL;
    if (attacker_start(s, w, &attacker) != OK || members_start(s, &members) != OK) {
        (void)attacker_stop(&attacker);
        return false;
    }
    (void)poll(NULL, 0, quiet->requests > 0 ? WARM_SHORT_MS : WARM_MS);
    if (quiet->requests == 0) {
        members_phase(members, PHASE_QUIET);
        (void)poll(NULL, 0, seconds * SECOND_MS);
    }
    members_phase(members, PHASE_ATTACK);
    attacker_begin(&attacker);
    (void)poll(NULL, 0, seconds * SECOND_MS);
    members_stop(members); /* those under way are waited for while the attack goes on */
    o->sums = attacker_stop(&attacker);
    o->quiet = quiet->requests > 0 ? *quiet : members_tally(members, PHASE_QUIET);
    o->attacked = members_tally(members, PHASE_ATTACK);
    o->bytes_per_s = (double)sent_bytes(w, &o->sums) / seconds;
    members_free(members);
    return true;
}

static bool is_slow(const struct latency *quiet, const struct latency *attacked)
{
    return attacked->samples >= SAMPLES_LEAST && attacked->p99_ms > TIMES * quiet->p99_ms + MORE_MS;
}

static bool judge(struct outcome *o)
{
    const struct tally *t = &o->attacked;
    for (int i = 0; i < DEEDS; i++)
        if (is_slow(&o->quiet.of[i], &t->of[i]))
            o->slowest = deed_names[i];
    return o->slowest == NULL && !is_slow(&o->quiet.all, &t->all) && o->checked &&
           (t->broken + t->refused) * LOST_OF < t->requests;
}

/* ---- telling ---- */

static void print_deeds(const struct outcome *o)
{
    for (int i = 0; i < DEEDS; i++) {
        const struct latency *q = &o->quiet.of[i], *a = &o->attacked.of[i];
        (void)printf("      %-9s %8.1f %8.1f  %8.1f %8.1f   (%zu and %zu)\n", deed_names[i],
                     q->p50_ms, q->p99_ms, a->p50_ms, a->p99_ms, q->samples, a->samples);
    }
    (void)printf("      attacker: %zu requests, %zu answered 200, %zu not; %zu connections opened, "
                 "%zu ended, "
                 "%zu at once, %zu failed\n",
                 o->sums.answers.begun, o->sums.answers.answered, o->sums.answers.failed,
                 o->sums.held.opened, o->sums.held.ended, o->sums.held.most, o->sums.held.failed);
}

static void print_line(const struct suite_options *so, const struct attack *a,
                       const struct outcome *o, bool held)
{
    const struct latency *q = &o->quiet.all, *t = &o->attacked.all;
    (void)printf("%-4s %10.0f %8.1f %7.1f %9.1f %8.1f %6zu %6zu/%zu  %s  %s\n", a->name,
                 o->bytes_per_s, q->p50_ms, q->p99_ms, t->p50_ms, t->p99_ms, o->attacked.broken,
                 o->attacked.refused, o->attacked.requests, held ? "holds" : "FAILS", a->what);
    if (o->attacked.refused > 0)
        (void)printf("      refused with %d\n", o->attacked.refused_code);
    if (o->slowest != NULL)
        (void)printf("      slower than allowed: %s\n", o->slowest);
    if (o->why[0] != '\0')
        (void)printf("      %s\n", o->why);
    if (so->verbose || !held)
        print_deeds(o);
    if (so->table != NULL)
        (void)fprintf(so->table,
                      "| %s | %s | %.0f | %.1f / %.1f | %.1f / %.1f | %zu of %zu | %s |\n", a->name,
                      a->what, o->bytes_per_s, q->p50_ms, q->p99_ms, t->p50_ms, t->p99_ms,
                      o->attacked.broken + o->attacked.refused, o->attacked.requests,
                      held ? "holds" : "**fails**");
    (void)fflush(stdout);
}

static void print_head(const struct suite_options *o)
{
    (void)printf("%d s quiet and %d s of each attack; the attacker is in %s\n", o->seconds,
                 o->seconds, attacker_kind());
    (void)printf("%-4s %10s %8s %7s %9s %8s %6s %14s\n", "", "bytes/s", "p50 ms", "p99", "attacked",
                 "p99", "5xx", "refused/all");
    (void)fflush(stdout);
}

/* ---- the suite ---- */

static bool is_chosen(const struct suite_options *o, const struct attack *a)
{
    if (o->only != NULL)
        return strncmp(a->name, o->only, strlen(o->only)) == 0 &&
               (a->name[strlen(o->only)] < '0' || a->name[strlen(o->only)] > '9');
    return a->in_short || !o->is_short;
}

/* One that cannot be prepared has failed, and the others go on. */
static void run_one(struct stage *s, const struct suite_options *so, const struct attack *a,
                    struct suite_result *result)
{
    static struct tally none;
    const struct tally *quiet = so->is_short ? &result->quiet : &none;
    struct weapon w = {.count = 0};
    struct outcome o = {.checked = true};
    bool fine = (!a->renews || so->is_short || stage_renew(s)) && a->prepare(s, &w) &&
                measure(s, &w, so->seconds, quiet, &o);
    if (!fine)
        (void)fprintf(stderr, "attack: %s could not be prepared\n", a->name);
    if (fine && a->check != NULL)
        o.checked = a->check(s, o.why);
    if (fine)
        result->quiet = o.quiet;
    bool held = fine && judge(&o);
    result->held += held;
    result->failed += !held;
    if (fine)
        print_line(so, a, &o, held);
    weapon_done(&w);
}

void suite_list(void)
{
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        for (const struct attack *a = tables[t]; a->name != NULL; a++)
            (void)printf("%-4s %s\n", a->name, a->what);
}

static bool any_chosen(const struct suite_options *o)
{
    bool any = false;
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        for (const struct attack *a = tables[t]; a->name != NULL; a++)
            any = any || is_chosen(o, a);
    if (!any)
        (void)fprintf(stderr, "attack: no attack of that name; --list shows them\n");
    return any;
}

bool suite_run(const struct suite_options *o, struct suite_result *ret_result)
{
    struct stage *s = calloc(1, sizeof(*s));
    *ret_result = (struct suite_result){.held = 0};
    bool fine = s != NULL && any_chosen(o) && stage_open(s, o->is_short);
    if (fine)
        print_head(o);
    for (size_t t = 0; fine && t < COUNT_OF(tables); t++)
        for (const struct attack *a = tables[t]; a->name != NULL; a++)
            if (is_chosen(o, a))
                run_one(s, o, a, ret_result);
    if (s != NULL && s->world.folder[0] != '\0' && !stage_close(s)) {
        (void)fprintf(stderr, "attack: the server did not end well\n");
        fine = false;
    }
    free(s);
    return fine;
}
