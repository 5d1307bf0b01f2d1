/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Resolution of rights over two sorted arrays: people with a global flag and people with an
 * override in the room. Ordinary people are in neither, so memory grows with what moderators did,
 * not with how many read.
 */
#include "state/rights.h"

#include <stdlib.h>

#include "base/mem.h"
#include "router/json_out.h"

static int order_ids(const struct session_id *a, const struct session_id *b)
{
    return memcmp(a->b, b->b, sizeof(a->b));
}

static int order_users(const void *a, const void *b)
{
    const struct user_row *x = a;
    const struct user_row *y = b;
    return order_ids(&x->session, &y->session);
}

static int order_overrides(const void *a, const void *b)
{
    const struct permission_row *x = a;
    const struct permission_row *y = b;
    return order_ids(&x->session, &y->session);
}

static int compare_user(const void *id, const void *row)
{
    const struct user_row *user = row;
    return order_ids(id, &user->session);
}

static int compare_override(const void *id, const void *row)
{
    const struct permission_row *own = row;
    return order_ids(id, &own->session);
}

enum err rights_copy_users(const struct user_row *rows, size_t count,
                           struct rights_users *ret_users)
{
    struct user_row *copy = NULL;
    if (count > 0) {
        copy = mem_alloc_zero(count, sizeof(*copy));
        if (copy == NULL)
            return ERR_NO_MEMORY;
        memcpy(copy, rows, count * sizeof(*copy));
        qsort(copy, count, sizeof(*copy), order_users);
    }
    *ret_users = (struct rights_users){.rows = copy, .count = count};
    return OK;
}

enum err rights_add_overrides(struct rights_overrides *overrides, const struct permission_row *rows,
                              size_t count)
{
    if (count == 0)
        return OK;
    struct permission_row *all =
        mem_realloc(overrides->rows, (overrides->count + count) * sizeof(*rows));
    if (all == NULL)
        return ERR_NO_MEMORY;
    memcpy(all + overrides->count, rows, count * sizeof(*rows));
    *overrides = (struct rights_overrides){.rows = all, .count = overrides->count + count};
    return OK;
}

void rights_sort_overrides(struct rights_overrides *overrides)
{
    if (overrides->count > 0)
        qsort(overrides->rows, overrides->count, sizeof(*overrides->rows), order_overrides);
}

/* The next one with a role, at or after index i. */
static size_t next_moderator(const struct rights_users *users, size_t i)
{
    while (i < users->count && !users->rows[i].moderator)
        i++;
    return i;
}

bool rights_same_moderators(const struct rights_users *a, const struct rights_users *b)
{
    size_t i = next_moderator(a, 0);
    size_t j = next_moderator(b, 0);
    while (i < a->count && j < b->count) {
        const struct user_row *x = &a->rows[i];
        const struct user_row *y = &b->rows[j];
        if (!session_id_eq(&x->session, &y->session) || x->admin != y->admin ||
            x->visible != y->visible)
            return false;
        i = next_moderator(a, i + 1);
        j = next_moderator(b, j + 1);
    }
    return i == a->count && j == b->count;
}

const struct user_row *rights_user(const struct rights_users *users, const struct session_id *id)
{
    if (users->count == 0)
        return NULL;
    return bsearch(id, users->rows, users->count, sizeof(*users->rows), compare_user);
}

const struct permission_row *rights_override(const struct rights_overrides *overrides,
                                             const struct session_id *id)
{
    if (overrides->count == 0)
        return NULL;
    return bsearch(id, overrides->rows, overrides->count, sizeof(*overrides->rows),
                   compare_override);
}

static bool choose(enum tristate own, bool otherwise)
{
    return own == TRI_NULL ? otherwise : own == TRI_YES;
}

void rights_resolve(const struct rights_defaults *defaults, const struct permission_row *own,
                    const struct user_row *user, struct rights *ret_rights)
{
    struct rights r = {0};
    r.global_admin = user != NULL && user->admin;
    r.global_moderator = r.global_admin || (user != NULL && user->moderator);
    r.admin = r.global_admin || (own != NULL && own->admin);
    r.moderator = r.admin || r.global_moderator || (own != NULL && own->moderator);
    r.banned = (user != NULL && user->banned) || (own != NULL && own->banned);
    if (r.moderator) {
        r.read = r.accessible = r.write = r.upload = true;
    } else if (!r.banned) {
        r.read = choose(own != NULL ? own->read : TRI_NULL, defaults->read);
        r.accessible =
            r.read || choose(own != NULL ? own->accessible : TRI_NULL, defaults->accessible);
        r.write = choose(own != NULL ? own->write : TRI_NULL, defaults->write);
        r.upload = r.write && choose(own != NULL ? own->upload : TRI_NULL, defaults->upload);
    }
    *ret_rights = r;
}

/* Does this person appear in that list? own's visibility counts as soon as there is a room role. */
static bool has_role(const struct permission_row *own, const struct user_row *user,
                     struct rights_role role)
{
    bool in_room = own != NULL && (own->moderator || own->admin);
    bool global = user != NULL && (user->moderator || user->admin);
    if (!in_room && !global)
        return false;
    bool admin = (in_room && own->admin) || (global && user->admin);
    bool visible = in_room ? own->visible : user != NULL && user->visible;
    return admin == role.admin && visible == role.visible;
}

/* Where two sorted lists stand that are walked as one. */
struct walk {
    size_t override, user;
};

/* The next person of either list, with what both know of him. False: there is none. */
static bool next_person(const struct rights_overrides *overrides, const struct rights_users *users,
                        struct walk *walk, const struct permission_row **ret_own,
                        const struct user_row **ret_user)
{
    const struct permission_row *own =
        walk->override < overrides->count ? &overrides->rows[walk->override] : NULL;
    const struct user_row *user = walk->user < users->count ? &users->rows[walk->user] : NULL;
    if (own == NULL && user == NULL)
        return false;
    int order = own == NULL ? 1 : user == NULL ? -1 : order_ids(&own->session, &user->session);
    walk->override += order <= 0;
    walk->user += order >= 0;
    *ret_own = order <= 0 ? own : NULL;
    *ret_user = order >= 0 ? user : NULL;
    return true;
}

bool rights_put_role(const struct rights_overrides *overrides, const struct rights_users *users,
                     struct rights_role role, bool even_if_empty, const char *key, struct buf *out)
{
    const struct permission_row *own = NULL;
    const struct user_row *user = NULL;
    struct walk walk = {0, 0};
    size_t count = 0;
    while (next_person(overrides, users, &walk, &own, &user)) {
        if (!has_role(own, user, role))
            continue;
        buf_put_text(out, count == 0 ? key : ",");
        if (count == 0)
            buf_put_byte(out, '[');
        count++;
        json_out_hex(out, SPAN_OF_KEY(own != NULL ? &own->session : &user->session));
    }
    if (count == 0 && !even_if_empty)
        return false;
    if (count == 0) {
        buf_put_text(out, key);
        buf_put_byte(out, '[');
    }
    buf_put_byte(out, ']');
    return true;
}
