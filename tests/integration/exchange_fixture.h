/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A listener, lanes and a PostgreSQL in this process, for tests whose handlers are their own.
 * Whatever fails here fails the test.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_EXCHANGE_FIXTURE_H
#define CONCLAVE_TESTS_INTEGRATION_EXCHANGE_FIXTURE_H

#include "conf/conf.h"
#include "crypto/secret.h"
#include "http/listener.h"
#include "integration/world.h"
#include "metrics/metrics.h"
#include "router/dispatch.h"
#include "work/budget.h"
#include "work/lanes.h"

enum { EXCHANGE_WORKERS = 3 }; /* one of them is kept from strangers */

struct exchange_fixture {
    const struct route *routes; /* set these two before it is opened */
    size_t route_count;
    struct world world;
    struct conf conf;
    struct server_keys keys;
    struct metrics *metrics;
    struct budget *budget;
    struct lane *general, *upload;
    struct dispatcher dispatcher;
    struct services services;
    struct listener *listener;
};

bool exchange_fixture_open(struct exchange_fixture *f);
/* Also of one that failed to open. False: the world did not end well. */
bool exchange_fixture_close(struct exchange_fixture *f);
/* Again, after listener_close. */
bool exchange_fixture_listen(struct exchange_fixture *f);

struct way {
    enum onion_version version;
    enum layer_cipher cipher;
};

/* Release with AUTO_LINK. */
struct server_link *exchange_link(const struct exchange_fixture *f, struct way way);

#endif
