/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A member of a community server: what desktop and iOS send, in their order and form
 * (docs/protocol/community.md, 6). Replies are handed out as JSON; a code other than 2xx is told in
 * struct refusal, never hidden.
 */
#ifndef CONCLAVE_TESTS_CLIENT_COMMUNITY_CLIENT_H
#define CONCLAVE_TESTS_CLIENT_COMMUNITY_CLIENT_H

#include "client/blinding.h"
#include "client/message.h"
#include "client/server_link.h"
#include "client/sogs_auth.h"

enum { ROOM_TOKEN_MAX = 64, COMMUNITY_ROOMS_MAX = 64, REFUSAL_TEXT_MAX = 200 };

/* The server's answer when it was not 2xx. */
struct refusal {
    int code; /* 0: none came */
    char text[REFUSAL_TEXT_MAX];
};

struct community {
    struct server_link *link; /* borrowed */
    struct account account;
    struct blinded blinded;
    struct refusal refusal;          /* of the last call */
    int64_t clock_offset_s;          /* added to the time of signatures; tests move it */
    int64_t inbox_seen, outbox_seen; /* highest ids received by polls; 0: none yet */
};

/* ERR_DEFECT: blinding failed. */
MUST_USE enum err community_open(struct server_link *link, const struct account *account,
                                 struct community *ret_c);
void community_close(struct community *c);

/* How a request is signed. */
enum signing { UNSIGNED, SIGNED_BLINDED, SIGNED_UNBLINDED };

struct community_request {
    const char *method;
    const char *target;       /* path and query */
    const json_t *json;       /* body, or NULL */
    struct span body;         /* instead of json: raw bytes */
    const char *content_type; /* of body; NULL: none */
    const char *disposition;  /* Content-Disposition of body; NULL: none */
    enum signing signing;
};

/*
 * One request. OK for any code of the server; the caller looks at ret_reply->code. Errors are those
 * of the link.
 */
MUST_USE enum err community_call(struct community *c, const struct community_request *request,
                                 struct onion_reply *ret_reply);
/* Only wraps it, ready for server_link_post: for tests that repeat or tamper. */
MUST_USE enum err community_wrap(struct community *c, const struct community_request *request,
                                 struct buf *out, struct onion_secret *ret_secret);
/*
 * The same for replies that are JSON. ERR_DENIED: not 2xx, see c->refusal (code 0: the link's
 * trouble). ERR_MALFORMED: 2xx, but not JSON under exactly "application/json".
 */
MUST_USE enum err community_json(struct community *c, const struct community_request *request,
                                 json_t **ret_json);

/* GET /capabilities, signed; ret: the array of strings. */
MUST_USE enum err community_capabilities(struct community *c, json_t **ret_list);
/* GET /rooms, unsigned as all clients do. */
MUST_USE enum err community_rooms(struct community *c, json_t **ret_rooms);
/* What joining is: capabilities (which must hold "blind"), then GET /room/R, both signed. */
MUST_USE enum err community_join(struct community *c, const char *room, json_t **ret_room);

/* The JSON of a post of this text: content, padding, blinded signature. NULL without memory. */
json_t *community_post_body(const struct community *c, const char *text);
/* POST /room/R/message; verifies that the echo is what was sent. ERR_MALFORMED if it is not. */
MUST_USE enum err community_post(struct community *c, const char *room, const char *text,
                                 json_t **ret_message);

/* ---- community_change.c; ret_json may be NULL ---- */

/* Any signed request that answers JSON. */
MUST_USE enum err community_send(struct community *c, const char *method, const char *target,
                                 const json_t *json, json_t **ret_json);
MUST_USE enum err community_edit(struct community *c, const char *room, int64_t id,
                                 const char *text);
MUST_USE enum err community_delete(struct community *c, const char *room, int64_t id);
/* Everything that `who` posted: in the room, or with room NULL on the whole server. */
MUST_USE enum err community_delete_all(struct community *c, const char *room,
                                       const struct session_id *who, json_t **ret_json);
/* /room/R/KIND/N[/X]; X is percent-encoded here. kind: "reaction", "reactions", "reactors". */
struct reaction_place {
    const char *room;
    int64_t id;
    const char *reaction; /* NULL: none */
};
MUST_USE enum err community_reaction(struct community *c, const char *method, const char *kind,
                                     const struct reaction_place *at, json_t **ret_json);
MUST_USE enum err community_react(struct community *c, const char *room, int64_t id,
                                  const char *reaction, json_t **ret_json);
MUST_USE enum err community_unreact(struct community *c, const char *room, int64_t id,
                                    const char *reaction, json_t **ret_json);

/* since N (N >= 0), at most limit rows (0: the server's default). */
MUST_USE enum err community_since(struct community *c, const char *room, int64_t since, int limit,
                                  json_t **ret_rows);
MUST_USE enum err community_recent(struct community *c, const char *room, int limit,
                                   json_t **ret_rows);
MUST_USE enum err community_before(struct community *c, const char *room, int64_t id, int limit,
                                   json_t **ret_rows);
MUST_USE enum err community_message(struct community *c, const char *room, int64_t id,
                                    json_t **ret_row);

/* What a client remembers of a room between polls. */
struct room_view {
    char token[ROOM_TOKEN_MAX + 1];
    int64_t seqno; /* highest received; 0: nothing yet */
    int64_t info_updates;
};

enum poll_style { POLL_DESKTOP, POLL_IOS };

/*
 * The standard poll: one signed batch of capabilities and, per room, pollInfo and messages.
 * *ret_batch is the array of replies in that order: element 0, then 1 + 2i (pollInfo) and 2 + 2i
 * (messages) of room i, then inbox and outbox. Views and c->inbox_seen, c->outbox_seen move on over
 * rows that are well-formed. ERR_MALFORMED: number or form of the elements is wrong.
 */
MUST_USE enum err community_poll(struct community *c, enum poll_style style,
                                 struct room_view *views, size_t count, json_t **ret_batch);

/* A token that may stand in a path: 1-64 of [A-Za-z0-9_-]. */
bool community_token_ok(const char *token);

#endif
