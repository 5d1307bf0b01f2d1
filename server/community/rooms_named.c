/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading `rooms` and `global`. Rights come from memory here, so that who has none costs no SQL;
 * they are confirmed under the rooms' locks afterwards.
 */
#include "community/rooms_named.h"

#include <stdlib.h>

#include "state/state.h"

static struct span text_of(const json_t *text)
{
    return span_of(json_string_value(text), json_string_length(text));
}

static bool is_star(const json_t *text)
{
    return span_eq_text(text_of(text), "*");
}

static bool tokens_ok(const json_t *tokens)
{
    size_t count = json_array_size(tokens); /* 0: empty, or no array */
    for (size_t i = 0; i < count; i++) {
        const json_t *token = json_array_get(tokens, i);
        if (!json_is_string(token) || (count > 1 && is_star(token)))
            return false;
    }
    return count > 0;
}

struct rooms_named rooms_named_read(struct json_in *in)
{
    struct rooms_named named = {.global = json_bool_or(in, "global", false)};
    bool has_rooms = json_has(in, "rooms");
    if (has_rooms)
        named.tokens = json_object_get(in->root, "rooms");
    if (has_rooms == named.global || (has_rooms && !tokens_ok(named.tokens)))
        in->failed = true;
    return named;
}

static bool has_role(const struct rights *rights, enum authority needed)
{
    return needed == AS_ADMIN ? rights->admin : rights->moderator;
}

static bool may_in(struct call *call, struct room *room, enum authority needed)
{
    struct rights rights;
    state_rights(call->services->state, room, &call->who, &rights);
    return has_role(&rights, needed);
}

/* All rooms where the caller has the role. */
static enum err find_all(struct call *call, enum authority needed, int64_t **ret_ids,
                         size_t *ret_count)
{
    struct room **rooms = NULL;
    size_t room_count = 0;
    size_t count = 0;
    enum err e = state_rooms(call->services->state, call->mem, &rooms, &room_count);
    int64_t *ids = e == OK ? ARENA_ARRAY(call->mem, room_count, int64_t) : NULL;
    for (size_t i = 0; i < room_count; i++) {
        if (ids != NULL && may_in(call, rooms[i], needed))
            ids[count++] = state_room_id(rooms[i]);
        state_room_release(rooms[i]);
    }
    if (e == OK && ids == NULL)
        e = ERR_NO_MEMORY;
    *ret_ids = ids;
    *ret_count = count;
    return e;
}

static enum err find_named(struct call *call, const json_t *tokens, enum authority needed,
                           int64_t **ret_ids, size_t *ret_count)
{
    size_t count = json_array_size(tokens);
    int64_t *ids = ARENA_ARRAY(call->mem, count, int64_t);
    if (ids == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct room *room = NULL;
        if (state_room_by_token(call->services->state, text_of(json_array_get(tokens, i)), &room) !=
            OK)
            return ERR_DENIED;
        bool may = may_in(call, room, needed);
        ids[i] = state_room_id(room);
        state_room_release(room);
        if (!may)
            return ERR_DENIED;
    }
    *ret_ids = ids;
    *ret_count = count;
    return OK;
}

static int order_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

enum err rooms_named_find(struct call *call, const struct rooms_named *named, enum authority needed,
                          struct reach *ret_reach)
{
    int64_t *ids = NULL;
    size_t count = 0;
    if (named->global) {
        *ret_reach = (struct reach){.global = true};
        return state_may_globally(call->services->state, &call->who.id, needed == AS_ADMIN)
                   ? OK
                   : ERR_DENIED;
    }
    enum err e = is_star(json_array_get(named->tokens, 0))
                     ? find_all(call, needed, &ids, &count)
                     : find_named(call, named->tokens, needed, &ids, &count);
    if (e != OK)
        return e;
    if (count == 0)
        return ERR_DENIED;
    qsort(ids, count, sizeof(*ids), order_i64);
    for (size_t i = 1; i < count; i++)
        if (ids[i] == ids[i - 1])
            return ERR_DENIED;
    *ret_reach = (struct reach){.rooms = ids, .count = count};
    return OK;
}
