/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small world for integration tests and the demo: a temporary folder, a private PostgreSQL
 * cluster, server processes on it, relays, accounts. Everything listens on 127.x; world_close ends
 * every process and removes the folder, and if a test crashes the processes end with it. One thread
 * (children die with the thread that started them). Runs from the root of the tree; the programs
 * are those of $CONCLAVE_TEST_BUILD, or build/.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_WORLD_H
#define CONCLAVE_TESTS_INTEGRATION_WORLD_H

#include "client/community_client.h"
#include "integration/process.h"

enum { WORLD_SERVERS_MAX = 4, WORLD_RELAYS_MAX = 6, WORLD_ACCOUNTS_MAX = 64, WORLD_PATH_MAX = 96 };
enum { WORLD_START_MS = 60000, WORLD_COMMAND_MS = 30000 };

struct world_options {
    size_t servers; /* started at once, one after the other; all on one database */
    size_t relays;
    size_t accounts;
    const char *const *env; /* more "CONCLAVE_X_Y=value" for every server; NULL-ended, or NULL */
    const char *room;       /* first room; NULL: "lobby" */
    bool no_fsync;          /* a faster cluster, for tests that crash nothing */
    bool
        live_is_enough; /* a server has started when it lives, ready or not (a clock that is wrong) */
    const char *parent;             /* where the folder is made; NULL: /tmp */
    const char *const *cluster_env; /* "NAME=value" for PostgreSQL; NULL-ended, or NULL */
};

struct world_server {
    struct process process;
    struct address at;
    char operator_path[WORLD_PATH_MAX];
    char log_path[WORLD_PATH_MAX]; /* its stderr, over all its starts; stdout beside it */
};

struct world {
    char folder[WORLD_PATH_MAX];
    char database_url[256];
    const char *build;   /* folder of the programs */
    const char *program; /* the one that starts next, as server or command; NULL: conclave */
    struct world_options options;
    struct world_server servers[WORLD_SERVERS_MAX];
    size_t server_count;
    struct process relays[WORLD_RELAYS_MAX];
    struct node nodes[WORLD_RELAYS_MAX]; /* the relays' NODEs, in order of a path */
    size_t relay_count;
    struct account accounts[WORLD_ACCOUNTS_MAX];
    size_t account_count;
    struct x25519_pub key; /* the server's, as `conclave key show` says */
    char trouble[256];     /* what world_open or another call failed at, for people */
};

/* All of it, ready to serve. On failure everything is taken down again and w->trouble says why. */
MUST_USE enum err world_open(struct world *w, const struct world_options *options);
/*
 * Harmless on a world that failed to open, and when called twice. False if a server did not end
 * with exit code 0, or if a log names an account (silence.c).
 */
bool world_close(struct world *w);

/*
 * The stages of world_open, for the demo that shows them one by one. world_prepare: folder and
 * accounts.
 */
MUST_USE enum err world_prepare(struct world *w, const struct world_options *options);
MUST_USE enum err world_start_database(struct world *w);
MUST_USE enum err world_start_relay(struct world *w);

/*
 * Adds a server with options.env and env on top, and waits until it is ready. ret_index may be
 * NULL. The first one makes the database (serve --init); its key becomes w->key.
 */
MUST_USE enum err world_start_server(struct world *w, const char *const *env, size_t *ret_index);
/* Starts a stopped or killed one again, at the same place. */
MUST_USE enum err world_restart_server(struct world *w, size_t server, const char *const *env);
/* Starts it again without waiting until it is ready: for starts that wait or fail. */
MUST_USE enum err world_launch_server(struct world *w, size_t server, const char *const *env);
/* SIGTERM; its exit code. */
int world_stop_server(struct world *w, size_t server);
void world_kill_server(struct world *w, size_t server);
/* Asks /health/ready once: its status (0: no answer) and what it says. */
int world_ask_ready(struct world *w, size_t server, struct buf *ret_says);
/* Waits for /health/ready. ERR_MISSING: it ended meanwhile. ERR_BUSY: not in time. */
MUST_USE enum err world_wait_ready(struct world *w, size_t server, int timeout_ms);

/*
 * Runs `conclave ARGS...` with a server's settings; its stdout is appended to out. args is
 * NULL-ended.
 */
MUST_USE enum err world_conclave(struct world *w, size_t server, const char *const *args,
                                 struct buf *out, int *ret_status);

/* Takes the database away as a power cut would, and brings it back. */
MUST_USE enum err world_crash_database(struct world *w);
MUST_USE enum err world_restart_database(struct world *w);
/* All of its processes stand still: connections stay open and nobody answers. And go on. */
MUST_USE enum err world_freeze_database(struct world *w);
MUST_USE enum err world_thaw_database(struct world *w);
/* Starts it again as a standby, which answers and writes nothing, and makes it write again. */
MUST_USE enum err world_standby_database(struct world *w);
MUST_USE enum err world_promote_database(struct world *w);
/*
 * Kills one of the database's processes (the which-th, counted round); PostgreSQL ends the others
 * and recovers.
 */
MUST_USE enum err world_kill_backend(struct world *w, uint32_t which);

/*
 * The text of /metrics, and one value of it by its name with labels, as it is printed. ERR_MISSING:
 * no such line.
 */
MUST_USE enum err world_metrics(struct world *w, size_t server, struct buf *out);
MUST_USE enum err world_metric(struct world *w, size_t server, const char *name, double *ret_value);
/* All that a server has logged so far. */
MUST_USE enum err world_log(const struct world *w, size_t server, struct buf *out);

/* Link options to a server: through all relays, or straight to it. */
struct server_link_options world_route(const struct world *w, size_t server, bool through_relays);

/* An account at a server. Release with member_close. */
struct member {
    struct server_link *link;
    struct community community;
};
MUST_USE enum err member_open(const struct world *w, size_t account, size_t server,
                              bool through_relays, struct member *ret_member);
void member_close(struct member *m);

#endif
