/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The model. It shares no line with the server on purpose: where the two differ, one of them is
 * wrong.
 */
#include "integration/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *const model_texts[MODEL_TEXTS] = {"👍", "🍍", "a/b", "\"\\", "twelve-signs"};

void model_room_init(struct model_room *room)
{
    *room = (struct model_room){0};
    for (int i = 0; i < MODEL_USERS; i++)
        room->rights[i] = (struct model_rights){.read = true, .write = true};
}

void model_room_done(struct model_room *room)
{
    for (size_t i = 0; i < room->count; i++)
        json_decref(room->messages[i].body);
    mem_free(room->messages);
}

static bool moderates(const struct model_room *room, int user)
{
    return room->rights[user].moderator || room->rights[user].admin;
}

bool model_reads(const struct model_room *room, int user)
{
    const struct model_rights *r = &room->rights[user];
    return moderates(room, user) || (!r->banned && r->read);
}

static bool writes(const struct model_room *room, int user)
{
    const struct model_rights *r = &room->rights[user];
    return moderates(room, user) || (!r->banned && r->write);
}

struct model_message *model_find(const struct model_room *room, int64_t id)
{
    for (size_t i = 0; i < room->count; i++)
        if (room->messages[i].id == id)
            return &room->messages[i];
    return NULL;
}

static bool is_whisper(const struct model_message *m)
{
    return m->whisper_to != MODEL_NOBODY || m->whisper_mods;
}

static int64_t seqno(const struct model_message *m)
{
    return m->reactions > m->data ? m->reactions : m->data;
}

static struct model_answer refuse(int code)
{
    return (struct model_answer){.code = code};
}

/* ---- changes ---- */

struct model_answer model_post(struct model_room *room, int user, int whisper_to, bool mods,
                               json_t *body)
{
    bool whisper = whisper_to != MODEL_NOBODY || mods;
    if (!writes(room, user) || (whisper && !moderates(room, user)))
        return refuse(403);
    if (room->count == room->capacity) {
        room->capacity = room->capacity * 2 + 64;
        room->messages = mem_realloc(room->messages, room->capacity * sizeof(*room->messages));
        if (room->messages == NULL)
            abort();
    }
    struct model_message *m = &room->messages[room->count++];
    int64_t s = ++room->sequence;
    *m = (struct model_message){.author = user,
                                .creation = s,
                                .data = s,
                                .whisper_to = whisper_to,
                                .whisper_mods = mods,
                                .body = json_incref(body)};
    return (struct model_answer){.code = 201, .seqno = s};
}

void model_posted(struct model_room *room, int64_t id)
{
    room->messages[room->count - 1].id = id;
}

struct model_answer model_edit(struct model_room *room, int user, int64_t id, json_t *body,
                               bool same)
{
    struct model_message *m = model_find(room, id);
    if (!writes(room, user))
        return refuse(403);
    if (m == NULL || m->deleted)
        return refuse(404);
    if (m->author != user)
        return refuse(403);
    if (!same) {
        json_decref(m->body);
        m->body = json_incref(body);
        m->edited = true;
        m->data = ++room->sequence;
    }
    return (struct model_answer){.code = 200};
}

static int64_t drop_reactions(struct model_room *room, struct model_message *m)
{
    int64_t dropped = 0;
    for (int i = 0; i < m->list_count; i++)
        dropped += m->list[i].count;
    m->list_count = 0;
    if (dropped > 0)
        m->reactions = room->sequence += dropped;
    return dropped;
}

static void drop(struct model_room *room, struct model_message *m)
{
    m->deleted = true;
    m->edited = true;
    m->data = ++room->sequence;
    (void)drop_reactions(room, m);
}

struct model_answer model_delete(struct model_room *room, int user, int64_t id)
{
    struct model_message *m = model_find(room, id);
    if (!writes(room, user))
        return refuse(403);
    if (m == NULL || m->deleted)
        return refuse(404);
    if (m->author != user && !moderates(room, user))
        return refuse(403);
    drop(room, m);
    return (struct model_answer){.code = 200};
}

struct model_answer model_delete_all(struct model_room *room, int user, int whose)
{
    int64_t count = 0;
    if (room->rights[user].banned && !moderates(room, user))
        return refuse(403);
    if (user != whose && !moderates(room, user))
        return refuse(403);
    if (user != whose && room->rights[whose].admin && !room->rights[user].admin)
        return refuse(403);
    for (size_t i = 0; i < room->count; i++) {
        if (room->messages[i].author != whose || room->messages[i].deleted)
            continue;
        drop(room, &room->messages[i]);
        count++;
    }
    return (struct model_answer){.code = count > 0 ? 200 : 404, .count = count};
}

/* 0, or the code of the refusal. */
static int refuses_reaction(const struct model_room *room, bool allowed,
                            const struct model_message *m)
{
    (void)room;
    if (!allowed)
        return 403;
    return m == NULL || m->deleted || is_whisper(m) ? 404 : 0;
}

static int find_text(const struct model_message *m, int text)
{
    for (int i = 0; i < m->list_count; i++)
        if (m->list[i].text == text)
            return i;
    return -1;
}

static int find_user(const struct model_reaction *r, int user)
{
    for (int i = 0; i < r->count; i++)
        if (r->users[i] == user)
            return i;
    return -1;
}

static void remove_text(struct model_message *m, int at)
{
    m->list_count--;
    memmove(m->list + at, m->list + at + 1, (size_t)(m->list_count - at) * sizeof(m->list[0]));
}

struct model_answer model_react(struct model_room *room, int user, int64_t id, int text)
{
    struct model_message *m = model_find(room, id);
    int code = refuses_reaction(room, model_reads(room, user), m);
    if (code != 0)
        return refuse(code);
    int at = find_text(m, text);
    if (at < 0) {
        at = m->list_count++;
        m->list[at] = (struct model_reaction){.text = text};
    }
    struct model_reaction *r = &m->list[at];
    bool added = find_user(r, user) < 0;
    if (added) {
        r->users[r->count++] = user;
        m->reactions = ++room->sequence;
    }
    return (struct model_answer){.code = 200, .seqno = seqno(m), .count = added};
}

struct model_answer model_unreact(struct model_room *room, int user, int64_t id, int text)
{
    struct model_message *m = model_find(room, id);
    int code = refuses_reaction(room, model_reads(room, user), m);
    if (code != 0)
        return refuse(code);
    int at = find_text(m, text);
    int user_at = at >= 0 ? find_user(&m->list[at], user) : -1;
    if (user_at >= 0) {
        struct model_reaction *r = &m->list[at];
        r->count--;
        memmove(r->users + user_at, r->users + user_at + 1,
                (size_t)(r->count - user_at) * sizeof(r->users[0]));
        if (r->count == 0)
            remove_text(m, at);
        m->reactions = ++room->sequence;
    }
    return (struct model_answer){.code = 200, .seqno = seqno(m), .count = user_at >= 0};
}

struct model_answer model_clear(struct model_room *room, int user, int64_t id, int text)
{
    struct model_message *m = model_find(room, id);
    int code = refuses_reaction(room, moderates(room, user), m);
    int64_t count = 0;
    if (code != 0)
        return refuse(code);
    if (text == MODEL_NOBODY) {
        count = drop_reactions(room, m);
    } else if (find_text(m, text) >= 0) {
        count = m->list[find_text(m, text)].count;
        remove_text(m, find_text(m, text));
        m->reactions = room->sequence += count;
    }
    return (struct model_answer){.code = 200, .seqno = seqno(m), .count = count};
}

/* ---- reading ---- */

static bool sees(const struct model_room *room, const struct model_message *m, int user)
{
    if (!is_whisper(m) || m->whisper_to == user)
        return true;
    if (!moderates(room, user))
        return false;
    return m->whisper_to == MODEL_NOBODY || m->whisper_mods || m->author == user;
}

static json_t *reactions_of(const struct model_message *m, const struct model_reader *reader)
{
    json_t *all = json_object();
    for (int i = 0; i < m->list_count; i++) {
        const struct model_reaction *r = &m->list[i];
        json_t *one = json_pack("{s:i, s:i}", "index", i, "count", r->count);
        if (reader->reactors > 0) {
            json_t *list = json_array();
            for (int u = 0; u < r->count && u < reader->reactors; u++)
                (void)json_array_append_new(list, json_string(reader->ids[r->users[u]]));
            (void)json_object_set_new(one, "reactors", list);
        }
        if (find_user(r, reader->user) >= 0)
            (void)json_object_set_new(one, "you", json_true());
        (void)json_object_set_new(all, model_texts[r->text], one);
    }
    return all;
}

static json_t *full_row(const struct model_message *m, const struct model_reader *reader,
                        int64_t number)
{
    json_t *row = json_pack("{s:I, s:I, s:s}", "id", (json_int_t)m->id, "seqno", (json_int_t)number,
                            "session_id", reader->ids[m->author]);
    if (m->edited)
        (void)json_object_set_new(row, "edited", json_true());
    (void)json_object_set_new(row, "data", m->deleted ? json_null() : json_incref(m->body));
    if (m->deleted)
        (void)json_object_set_new(row, "deleted", json_true());
    else
        (void)json_object_set_new(row, "reactions", reactions_of(m, reader));
    if (is_whisper(m)) {
        (void)json_object_set_new(row, "whisper", json_true());
        (void)json_object_set_new(row, "whisper_mods", json_boolean(m->whisper_mods));
    }
    if (m->whisper_to != MODEL_NOBODY)
        (void)json_object_set_new(row, "whisper_to", json_string(reader->ids[m->whisper_to]));
    return row;
}

/* A message and the first number under which a reader after n hears of it. */
struct heard {
    const struct model_message *m;
    int64_t first;
    int64_t number; /* to show */
};

static int by_first(const void *a, const void *b)
{
    const struct heard *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static int by_number(const void *a, const void *b)
{
    const struct heard *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static int64_t first_event(const struct model_message *m, int64_t n, bool t_r)
{
    if (m->deleted && m->creation > n)
        return 0;
    if (m->data > n)
        return m->data;
    return t_r && !m->deleted && m->reactions > n ? m->reactions : 0;
}

json_t *model_since(const struct model_room *room, const struct model_reader *reader, int64_t n)
{
    struct heard *heard = mem_alloc_zero(room->count + 1, sizeof(*heard));
    size_t count = 0;
    json_t *rows = json_array();
    if (heard == NULL)
        abort();
    for (size_t i = 0; i < room->count; i++) {
        const struct model_message *m = &room->messages[i];
        int64_t first = first_event(m, n, reader->t_r);
        if (first > 0 && sees(room, m, reader->user))
            heard[count++] = (struct heard){m, first, 0};
    }
    qsort(heard, count, sizeof(*heard), by_first);
    int64_t end = INT64_MAX;
    if (count > (size_t)reader->limit) {
        end = heard[reader->limit].first - 1;
        count = (size_t)reader->limit;
    }
    for (size_t i = 0; i < count; i++)
        heard[i].number = heard[i].m->reactions > heard[i].first && heard[i].m->reactions <= end
                              ? heard[i].m->reactions
                              : heard[i].first;
    qsort(heard, count, sizeof(*heard), by_number);
    for (size_t i = 0; i < count; i++) {
        const struct model_message *m = heard[i].m;
        json_t *row = m->data > n ? full_row(m, reader, heard[i].number)
                                  : json_pack("{s:I, s:I, s:o}", "id", (json_int_t)m->id, "seqno",
                                              (json_int_t)heard[i].number, "reactions",
                                              reactions_of(m, reader));
        (void)json_array_append_new(rows, row);
    }
    mem_free(heard);
    return rows;
}

json_t *model_before(const struct model_room *room, const struct model_reader *reader, int64_t id)
{
    json_t *rows = json_array();
    for (size_t i = room->count; i > 0 && json_array_size(rows) < (size_t)reader->limit; i--) {
        const struct model_message *m = &room->messages[i - 1];
        if (m->id < id && !m->deleted && sees(room, m, reader->user))
            (void)json_array_append_new(rows, full_row(m, reader, seqno(m)));
    }
    return rows;
}

void model_strip(json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        (void)json_object_del(row, "posted");
        (void)json_object_del(row, "signature");
        if (json_object_get(row, "edited") != NULL)
            (void)json_object_set_new(row, "edited", json_true());
    }
}
