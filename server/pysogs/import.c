/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order in which a PySOGS is taken over, and what is looked at before and after.
 */
#include "pysogs/import.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "pysogs/compare.h"
#include "pysogs/look.h"
#include "store/message_mac.h"

enum { MACS_SLICE = 500, MAC_ARENA_BYTES = 1024 * 1024 };

/* Clients take greater ids for other ones: JavaScript's numbers end there. */
static const int64_t ID_MAX = (int64_t)1 << 53;

/* ---- before ---- */

/* Ours go on behind them. */
static enum err look_at_ids(struct import *im)
{
    const struct {
        const char *table;
        int64_t *id;
    } ids[] = {{"rooms", &im->last.rooms},       {"users", &im->last.users},
               {"messages", &im->last.messages}, {"reactions", &im->last.reactions},
               {"files", &im->last.files},       {"inbox", &im->last.dms}};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        if (source_last_id(im->source, ids[i].table, ids[i].id) != OK)
            return import_fail(ids[i].table,
                               "the table, or in PostgreSQL its sequence, cannot be read");
        if (*ids[i].id >= ID_MAX)
            return import_fail(ids[i].table, "an id is too large");
    }
    return OK;
}

/*
 * A wrong folder would make every file a missing one. Files may be lost; the folders that they were
 * in are not.
 */
static enum err look_at_folder(struct import *im)
{
    size_t looked_at = 0, there = 0;
    char sql[256];
    (void)snprintf(
        sql, sizeof(sql),
        "SELECT path FROM files WHERE room IS NOT NULL AND (expiry IS NULL OR expiry > %lld)"
        " ORDER BY id DESC LIMIT 20",
        (long long)(im->now_ms / SECOND_MS));
    enum err e = source_ask(im->source, sql);
    while (e == OK && (e = source_next(im->source)) == OK) {
        char path[PATH_MAX];
        struct span name = span_first(source_bytes(im->source, 0), sizeof(path) - 1);
        (void)snprintf(path, sizeof(path), "%.*s", (int)name.len, (const char *)name.p);
        char *slash = strrchr(path, '/');
        if (slash != NULL)
            *slash = '\0';
        looked_at++;
        there += slash == NULL || slash == path || faccessat(im->folder, path, F_OK, 0) == 0;
    }
    if (e != ERR_MISSING || !source_ok(im->source))
        return import_fail("files", "the table cannot be read");
    if (looked_at > 0 && there == 0)
        return import_fail("--folder", "none of the old server's newest files can be there: it is "
                                       "the folder that PySOGS was started in, to which its paths "
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
    if (e == OK)
        e = look_at_ids(im);
    if (e == OK)
        e = look_at_folder(im);
    if (e == OK && !im->skip_missing)
        e = import_look_at_files(im);
    if (e == OK && !im->dry_run && source_state(im->source, &im->state) != OK)
        e = import_fail("the old database", "it cannot be read");
    return e;
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

/* Once all people are who they stay: two spellings of one user may have become one. */
static enum err make_macs(struct import *im)
{
    AUTO_ARENA struct arena *mem = arena_new(MAC_ARENA_BYTES);
    int64_t after = 0, read = 1, filled = 0;
    enum err e = mem != NULL ? OK : ERR_NO_MEMORY;
    while (e == OK && read > 0) {
        arena_reset(mem);
        e = message_macs_fill(im->db, im->ring, mem, MACS_SLICE, &after, &read, &filled);
    }
    return e;
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
        e = make_macs(im);
    if (e == OK)
        e = check(im);
    if (e == ERR_MISSING || (e == OK && im->refused > 0))
        return ERR_DENIED; /* a dry run went on behind what it refused */
    if (e == OK && !im->dry_run)
        e = compare_rows(im);
    if (e == OK && !im->dry_run)
        e = compare_source(im);
    if (im->system_user > im->last.users)
        im->last.users = im->system_user;
    return e == OK && !im->dry_run ? taking_end(im->db, &im->last) : e;
}

void import_done(struct import *im)
{
    mem_free(im->moved);
    im->moved = NULL;
}
