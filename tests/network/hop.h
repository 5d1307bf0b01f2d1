/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one onion hop decides about one request (docs/protocol/identity.md, 4.6): peel a layer, then
 * forward, call a server, or refuse. Bytes in, a decision out; relay.c does the calling. Any
 * thread.
 */
#ifndef CONCLAVE_TESTS_NETWORK_HOP_H
#define CONCLAVE_TESTS_NETWORK_HOP_H

#include "client/address.h"
#include "client/layer.h"

enum {
    HOP_BODY_MAX_BYTES = 10485760,
    HOP_NUMBER_MAX = 15,
    HOP_TEXT_MAX = 128,
    HOP_TARGET_MAX = 1024
};

enum hop_action {
    HOP_ANSWER,  /* status and answer are the reply */
    HOP_FORWARD, /* post outgoing to node next's /onion_req/v2 */
    HOP_SERVER,  /* post outgoing to server and target */
};

struct hop_step {
    enum hop_action action;
    int status;
    struct buf answer;   /* text, or a sealed and base64-coded refusal */
    struct buf outgoing; /* the frame to post */
    struct ed25519_pub next;
    struct server_url server;
    char target[HOP_TARGET_MAX + 1];
};

struct hop_keys {
    struct ed25519_pub ed;
    struct x25519_pub x;
    struct x25519_secret x_secret;
};

/* From the 32-byte Ed25519 seed of a node. ERR_DEFECT if it does not convert. */
MUST_USE enum err hop_keys_from_seed(const uint8_t seed[static 32], struct hop_keys *ret_keys);

/*
 * Always gives a step; whatever is wrong with body is an answer. ERR_NO_MEMORY only. Release with
 * hop_step_done.
 */
MUST_USE enum err hop_decide(const struct hop_keys *keys, struct span body,
                             struct hop_step *ret_step);
void hop_step_done(struct hop_step *s);

/* Which targets of a server a hop will call. */
bool hop_target_allowed(struct span target);

/* Replaces what the step would answer by a status and a plain text. */
void hop_refuse(struct hop_step *s, int status, const char *text);
/* The same with a node's key behind the text. */
void hop_refuse_node(struct hop_step *s, int status, const char *text,
                     const struct ed25519_pub *node);

#endif
