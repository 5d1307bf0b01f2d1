/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections that hold on to memory or places: C1, C2 and their kin.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "attack/attack.h"
#include "base/clock.h"

enum {
    SMALL_HEADS = 1500,
    SMALL_BODY = 64 * 1024,
    LARGE_HEADS = 24,
    SLOW_BODIES = 96,
    LARGE_BODY = 10 * 1000 * 1000,
    SLOW_READERS = 400,
    SLOW_READER_BUFFER = 4096,
    SILENT = 19850,
    SILENT_SHORT = 4000,
    OWN_DESCRIPTORS = 200,
    DRIP_HEADS = 2000,
    DRIP_EVERY_MS = 900,
};

/* While a large body waits, small ones have only what is kept for them. */
static bool small_heads(struct stage *s, struct weapon *w)
{
    (void)s;
    weapon_announce(w, SMALL_BODY, LARGE_BODY);
    w->hold.connections = SMALL_HEADS;
    w->hold.opening_per_s = 750;
    w->hold.bytes_per_s = 9200;
    return true;
}

static bool large_heads(struct stage *s, struct weapon *w)
{
    (void)s;
    weapon_announce(w, LARGE_BODY, 0);
    w->hold.connections = LARGE_HEADS;
    w->hold.opening_per_s = LARGE_HEADS;
    w->hold.bytes_per_s = 133;
    return true;
}

/* As the last byte of each body comes just in time, none of them is late. */
static bool small_drips(struct stage *s, struct weapon *w)
{
    static const uint8_t some[16 * 1024] = {1};
    (void)s;
    weapon_announce(w, SMALL_BODY, 0);
    w->hold.connections = SLOW_BODIES;
    w->hold.opening_per_s = SLOW_BODIES;
    w->hold.drip = span_of(some, sizeof(some));
    w->hold.drip_every_ms = DRIP_EVERY_MS;
    return true;
}

static bool slow_readers(struct stage *s, struct weapon *w)
{
    struct bench_request request = {.method = "GET"};
    (void)snprintf(request.target, sizeof(request.target), "/file/%s", s->public_file);
    if (!weapon_reserve(w, 1) || !weapon_add(s, w, NULL, &request))
        return false;
    w->hold.head = buf_span(&w->requests[0].http);
    w->hold.connections = SLOW_READERS;
    w->hold.opening_per_s = SLOW_READERS;
    w->hold.receive_bytes = SLOW_READER_BUFFER;
    w->hold.bytes_per_s = 20000;
    return true;
}

static bool silent(struct stage *s, struct weapon *w)
{
    struct rlimit limit;
    size_t wanted = s->is_short ? SILENT_SHORT : SILENT;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= OWN_DESCRIPTORS)
        return false;
    w->hold.opening_per_s = 2000;
    w->hold.connections = wanted < limit.rlim_cur - OWN_DESCRIPTORS
                              ? wanted
                              : (size_t)limit.rlim_cur - OWN_DESCRIPTORS;
    return true;
}

/* Header lines without end. */
static bool header_drips(struct stage *s, struct weapon *w)
{
    (void)s;
    w->head = buf_make(KIB(1));
    buf_put_text(&w->head, "POST /oxen/v4/lsrpc HTTP/1.1\r\n");
    w->hold.head = buf_span(&w->head);
    w->hold.connections = DRIP_HEADS;
    w->hold.opening_per_s = 1000;
    w->hold.drip = span_of_text("X-Header: one more\r\n");
    w->hold.drip_every_ms = DRIP_EVERY_MS;
    return true;
}

const struct attack attack_connections[] = {
    {"C1a", "1,500 heads that announce 64 KB, some 10 MB, and send none of it", true, false,
     small_heads, NULL},
    {"C1b", "24 heads that announce 10 MB and send none of it", false, false, large_heads, NULL},
    {"C1c", "400 downloads of 1 MB that nobody reads", false, false, slow_readers, NULL},
    {"C1d", "96 bodies of 64 KB that come as slowly as is allowed", false, false, small_drips,
     NULL},
    {"C2", "19,850 silent connections", true, false, silent, NULL},
    {"X1", "2,000 connections that send header lines without end", false, false, header_drips,
     NULL},
    {0},
};
