/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `make bench`: what the scenarios share. One world (private PostgreSQL, one server), many users,
 * some rooms with messages; a scenario says what is asked, measure.c how much it costs.
 */
#ifndef CONCLAVE_TESTS_BENCH_BENCH_H
#define CONCLAVE_TESTS_BENCH_BENCH_H

#include "bench/prepared.h"
#include "client/file_client.h"
#include "integration/world.h"

enum {
    BENCH_ROOMS = 2,
    BENCH_MANY_ROOMS = 50,
    BENCH_USERS = 2000,
    BENCH_MESSAGES = 150,
    BENCH_FILES_MAX = 16,
    BENCH_TARGETS_MAX = 64,
    BENCH_CORES_MAX = 64
};

/* [rooms] post_limit and [limits] known_after. */
enum limits { LIMITS_OFF, LIMITS_DEFAULT };

struct bench {
    struct world world;
    struct member admin;
    struct bench_target target;
    struct x25519_secret server_secret;           /* for the floor */
    struct bench_user *users;                     /* BENCH_USERS */
    struct room_view rooms[BENCH_ROOMS];          /* their counters when nothing moves */
    char files[BENCH_FILES_MAX][FILE_ID_MAX + 1]; /* what a download asks for */
    size_t file_count;
    int64_t reacted[BENCH_FILES_MAX]; /* messages to react to */
    pid_t postmaster;
    size_t cores[BENCH_CORES_MAX]; /* all that we may use */
    size_t core_count;
    enum limits limits; /* how the server runs now */
    bool one_core;
    size_t rounds;
    size_t turn;          /* rounds so far, of all scenarios */
    size_t scale_percent; /* of each scenario's requests; less for a quick look */
};

/* What a scenario's cost is held against. */
enum compare {
    COMPARE_FLOOR,    /* CPU: the floor; at most target */
    COMPARE_EXCHANGE, /* CPU: floor and bare exchange; at most target */
    COMPARE_RATE,     /* requests per second; at least target */
    COMPARE_INSERT, /* bytes per second of a bare libpq program inserting the same chunks; at least target */
    COMPARE_SELECT,  /* the same for selecting them */
    COMPARE_LATENCY, /* 99th percentile in ms at a given rate; at most target */
};

struct scenario {
    const char *name;
    const char *what; /* one line for people */
    size_t requests;  /* per round */
    size_t connections;
    int code;          /* of the inner reply */
    size_t file_bytes; /* uploads and downloads */
    double rate_per_s; /* 0: as fast as answers come */
    enum limits limits;
    bool one_core; /* server and PostgreSQL together on one core, the driver on others */
    bool no_sql;   /* it may not touch the database at all */
    /* Before each round; NULL: nothing to do. */
    bool (*prepare)(struct bench *b, const struct scenario *s);
    /* Writes request n of a round; its text lives in body (emptied before). */
    enum err (*request)(const struct bench *b, const struct scenario *s, size_t n, struct buf *body,
                        struct bench_request *ret_request);
    /* True when a sampled reply is what the scenario is about. */
    bool (*expected)(const struct scenario *s, const struct onion_reply *reply);
    enum compare compare;
    double target; /* what we hold ourselves to; 0: nothing */
};

/*
 * The tables of polls.c, posts.c, reactions.c and files.c; each ends with a scenario without name.
 */
extern const struct scenario bench_polls[], bench_posts[], bench_reactions[], bench_files[];

/*
 * A poll of both rooms. PLAIN_*: capabilities, pollInfo and messages alone. CLIENT_*: what the
 * client sends, with its boxes of direct messages, and for iOS with its escaped slashes.
 */
enum poll_form { PLAIN_PHONE, PLAIN_DESKTOP, CLIENT_IOS, CLIENT_DESKTOP };
/*
 * Polls are shared by scenarios that mix. behind: how many messages of the first room are new to
 * the reader.
 */
MUST_USE enum err bench_poll(const struct bench *b, enum poll_form form, int64_t behind,
                             struct buf *body, struct bench_request *ret_request);
/*
 * Who sends request n of this round: everybody in turn, and also among every 50th request other
 * people each time.
 */
const struct bench_user *bench_user_of(const struct bench *b, size_t n);
/* That user's post to a room. */
MUST_USE enum err bench_post(const struct bench *b, size_t n, const char *room, struct buf *body,
                             struct bench_request *ret_request);
/* What a bare libpq program does: inserts or selects that many files in chunks. */
struct bench_chunks_job {
    bool insert;
    size_t file_bytes, count;
    size_t connections;
};
/* Its bytes per second; 0: failed. */
double bench_chunks(const struct bench *b, const struct bench_chunks_job *job);

/* Starts everything and fills it. False: w->trouble or stderr says why. */
bool bench_open(struct bench *b);
void bench_close(struct bench *b);
/* Sets postmaster. False: it does not run. */
bool bench_find_postmaster(struct bench *b);
/* Restarts and moves things where the scenario asks for it. False: impossible here. */
bool bench_arrange(struct bench *b, const struct scenario *s);
/*
 * Measures one scenario and prints its row. False: it could not be measured, a reply was wrong, or
 * it touched the database and may not.
 */
bool bench_measure(struct bench *b, const struct scenario *s);
void bench_print_head(const struct bench *b);

#endif
