/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of messages and reactions once more, as plainly as they can be written: arrays, walks,
 * no indexes, no database (docs/protocol/community.md, 2.4-2.10, 3.1-3.5 and 3.8; pages of
 * docs/design.md, D17). What a random test compares the server with.
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_MODEL_H
#define CONCLAVE_TESTS_INTEGRATION_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum { MODEL_USERS = 20, MODEL_TEXTS = 5, MODEL_NOBODY = -1 };
extern const char *const model_texts[MODEL_TEXTS];

struct model_rights {
    bool banned, moderator, admin;
    bool read, write; /* what a mere member has; moderators have all */
};

struct model_reaction {
    int text;
    int users[MODEL_USERS];
    int count;
};

struct model_message {
    int64_t id;
    int author;
    int64_t creation, data, reactions; /* numbers */
    bool edited, deleted;
    int whisper_to; /* MODEL_NOBODY */
    bool whisper_mods;
    json_t *body; /* base64 text, as posted */
    struct model_reaction list[MODEL_TEXTS];
    int list_count;
};

struct model_room {
    int64_t sequence;
    struct model_rights rights[MODEL_USERS];
    struct model_message *messages;
    size_t count, capacity;
};

struct model_answer {
    int code;
    int64_t seqno;
    int64_t count; /* what changed: reactions, deletions */
};

void model_room_init(struct model_room *room);
void model_room_done(struct model_room *room);

bool model_reads(const struct model_room *room, int user);
/* NULL when there is no such message here. */
struct model_message *model_find(const struct model_room *room, int64_t id);

/* Each changes the model, if it may, and says what the server has to answer. */
struct model_answer model_post(struct model_room *room, int user, int whisper_to, bool mods,
                               json_t *body);
/* The server's id of the message just posted. */
void model_posted(struct model_room *room, int64_t id);
/* same: the text is the one that stands there. */
struct model_answer model_edit(struct model_room *room, int user, int64_t id, json_t *body,
                               bool same);
struct model_answer model_delete(struct model_room *room, int user, int64_t id);
struct model_answer model_delete_all(struct model_room *room, int user, int whose);
struct model_answer model_react(struct model_room *room, int user, int64_t id, int text);
struct model_answer model_unreact(struct model_room *room, int user, int64_t id, int text);
/* text MODEL_NOBODY: all. */
struct model_answer model_clear(struct model_room *room, int user, int64_t id, int text);

struct model_reader {
    int user;
    int limit;
    int reactors;
    bool t_r;
    const char *const *ids; /* of all users, as text */
};
/*
 * The list that a reader has to get, as the server writes it, without `posted` and the value of
 * `edited`.
 */
json_t *model_since(const struct model_room *room, const struct model_reader *reader, int64_t n);
json_t *model_before(const struct model_room *room, const struct model_reader *reader, int64_t id);
/* Takes out of the server's list what the model does not know. */
void model_strip(json_t *rows);

#endif
