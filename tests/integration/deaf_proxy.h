/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A way to a PostgreSQL cluster on which notifications get lost: a relay of PostgreSQL's protocol
 * that leaves out the backend's NotificationResponse messages and changes nothing else. Threads of
 * this process.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_DEAF_PROXY_H
#define CONCLAVE_TESTS_INTEGRATION_DEAF_PROXY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

enum { DEAF_PATH_MAX = 108, DEAF_URL_MAX = 320 };

struct deaf_proxy {
    char upstream[DEAF_PATH_MAX]; /* the cluster's socket */
    char folder[DEAF_PATH_MAX];   /* ours, with a socket of the same name in it */
    char url[DEAF_URL_MAX];       /* the way through us */
    int listener;
    atomic_long dropped; /* notifications that nobody heard */
};

/*
 * folder: exists and is ours alone. cluster_url: as tests/cluster.sh prints it. It runs until this
 * process ends: whoever talked through it must be stopped first.
 */
MUST_USE enum err deaf_proxy_open(struct deaf_proxy *p, const char *folder,
                                  const char *cluster_url);

#endif
