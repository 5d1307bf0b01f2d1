/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order in which a PySOGS is taken over, and what is looked at before and after.
 */
#include "pysogs/import.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "pysogs/look.h"

enum { FILES_LOOKED_AT = 20 };

/* ---- before ---- */

/* A wrong folder would make every file a missing one. */
static enum err look_at_files(struct import *im)
{
    size_t looked_at = 0, there = 0;
    enum err e = source_ask(im->source, "SELECT path, coalesce(expiry, -1) FROM files"
                                        " WHERE room IS NOT NULL ORDER BY id DESC");
    while (e == OK && looked_at < FILES_LOOKED_AT && (e = source_next(im->source)) == OK) {
        char path[PATH_MAX];
        struct span name = source_bytes(im->source, 0);
        double expiry = source_f64(im->source, 1);
        if (expiry >= 0 && expiry * 1000 <= (double)im->now_ms)
            continue;
        (void)snprintf(path, sizeof(path), "%.*s", (int)span_first(name, sizeof(path) - 1).len,
                       (const char *)name.p);
        looked_at++;
        there += faccessat(im->folder, path, F_OK, 0) == 0;
    }
    if ((e != OK && e != ERR_MISSING) || !source_ok(im->source))
        return import_fail("files", "the table cannot be read");
    if (looked_at > 0 && there == 0)
        return import_fail("--folder", "none of the old server's newest files is there: it is the "
                                       "folder that PySOGS was started in, to which its paths "
                                       "(uploads/...) belong");
    return OK;
}

enum err import_look(struct import *im)
{
    enum err e = look_schema(im->source);
    if (e == OK)
        e = look_key(im->source, im->key);
    if (e == ERR_CONFLICT)
        return import_fail("[server] key_file",
                           "it is not the key of the old server, and everybody would lose it: copy "
                           "that one's key file (key_x25519 in its folder, or [crypto] key_file of "
                           "its sogs.ini) to where [server] key_file points");
    return e == OK ? look_at_files(im) : e;
}

/* ---- all of it ---- */

/* What has no place here, and is said so. */
static enum err count_left_behind(struct import *im)
{
    static const struct {
        const char *table, *column, *sql, *what;
    } tables[] = {
        {"message_history", "message", "SELECT count(*) FROM message_history",
         "earlier texts of edited and deleted messages"},
        {"user_request_nonces", "nonce", "SELECT count(*) FROM user_request_nonces",
         "nonces of the last day's requests"},
        {"file_id_hacks", "file", "SELECT count(*) FROM file_id_hacks",
         "file ids from before PySOGS 0.2"},
    };
    enum err e = OK;
    for (size_t i = 0; e == OK && i < COUNT_OF(tables); i++) {
        bool has = false;
        int64_t count = 0;
        e = source_has(im->source, tables[i].table, tables[i].column, &has);
        if (e == OK && has)
            e = source_number(im->source, tables[i].sql, &count);
        if (e == OK && count > 0)
            import_left(im, tables[i].what, count);
    }
    return e == OK ? OK : import_fail("the old database", "it cannot be read");
}

static enum err check(struct import *im)
{
    int64_t room = 0;
    enum err e = taking_bad_room(im->db, &room);
    if (e == ERR_MISSING)
        return OK;
    return e == OK ? import_refuse(im, "rooms", room,
                                   "its message_sequence is below the seqno of one of its messages")
                   : e;
}

static enum err end(struct import *im)
{
    struct taking_last last = {0};
    const struct {
        const char *table;
        int64_t *id;
    } ids[] = {{"rooms", &last.rooms},         {"users", &last.users}, {"messages", &last.messages},
               {"reactions", &last.reactions}, {"files", &last.files}, {"inbox", &last.dms}};
    enum err e = OK;
    for (size_t i = 0; e == OK && i < COUNT_OF(ids); i++)
        e = source_last_id(im->source, ids[i].table, ids[i].id);
    if (e != OK)
        return import_fail("the old database", "it cannot be read");
    if (im->system_user > last.users)
        last.users = im->system_user;
    return taking_end(im->db, &last);
}

enum err import_run(struct import *im)
{
    static enum err (*const steps[])(struct import *) = {
        import_rooms,     import_people, import_rights, import_messages,
        import_reactions, import_files,  import_images, import_dms,
    };
    enum err e = taking_begin(im->db);
    for (size_t i = 0; e == OK && i < COUNT_OF(steps); i++)
        e = steps[i](im);
    if (e == OK)
        e = count_left_behind(im);
    if (e == OK && im->system_user > 0)
        e = taking_drop_user(im->db, im->system_user);
    if (e == OK)
        e = taking_derive(im->db);
    if (e == OK)
        e = check(im);
    if (e == ERR_MISSING || (e == OK && im->refused > 0))
        return ERR_DENIED; /* a dry run went on behind what it refused */
    return e == OK && !im->dry_run ? end(im) : e;
}

void import_done(struct import *im)
{
    mem_free(im->moved);
    im->moved = NULL;
}
