/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables that go over column by column, and those with something sealed, which is opened on the
 * way. Padding is taken off messages, as PySOGS keeps them.
 */
#include "pysogs/export.h"

#include <unistd.h>

#include "base/unpad.h"
#include "pysogs/export_file.h"
#include "store/dms.h"
#include "store/message_mac.h"
#include "store/messages.h"
#include "store/reactions.h"

enum { ROW_BYTES = 64 * 1024 * 1024 };

struct export_table {
    const char *name;
    enum giving what;
    /* Columns that go over as they are: i number, u row of a user, d time, o yes or no, t text. */
    const char *letters;
    const char *insert;
    /* The rest of the row; NULL: there is none. ERR_MISSING: the row is left out. */
    enum err (*rest)(struct export *ex, const struct row *row);
};

static void give_column(struct export *ex, const struct row *row, int column, char letter)
{
    if (row_is_null(row, column)) {
        target_null(ex->target);
        return;
    }
    int64_t user;
    switch (letter) {
    case 'u':
        user = row_i64(row, column);
        target_i64(ex->target, user == ex->system_user ? 0 : user);
        return;
    case 'd':
        target_f64(ex->target, row_f64(row, column));
        return;
    case 'o':
        target_i64(ex->target, row_bool(row, column));
        return;
    case 't':
        target_text(ex->target, row_bytes(row, column));
        return;
    default:
        target_i64(ex->target, row_i64(row, column));
        return;
    }
}

/* A copy that may be opened in place. */
static enum err copy_of(struct export *ex, struct span sealed, struct bytes *ret_copy)
{
    uint8_t *copy = arena_alloc(ex->mem, sealed.len);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    if (sealed.len > 0)
        memcpy(copy, sealed.p, sealed.len);
    *ret_copy = (struct bytes){copy, sealed.len};
    return OK;
}

static enum err give_body(struct export *ex, const struct row *row)
{
    struct aead_key key;
    struct bytes body;
    struct span signature, data;
    if (row_is_null(row, 13)) {
        for (int i = 0; i < 3; i++)
            target_null(ex->target);
        return OK;
    }
    enum err e = copy_of(ex, row_bytes(row, 13), &body);
    if (e == OK)
        e = ring_key_for(ex->ring, ex->db, RING_MESSAGES, row_i64(row, 1), row_i64(row, 12), &key);
    if (e != OK)
        return e;
    const struct message_facts facts = {
        .room = row_i64(row, 1), .seqno_creation = row_i64(row, 8), .sealed = span_of_bytes(body)};
    e = message_mac_check_row(ex->ring, &key, row, GIVING_MESSAGES_MAC, &facts);
    if (e == OK)
        e = message_open(&key, row_i64(row, 1), row_i64(row, 8), body, &signature, &data);
    crypto_wipe(&key, sizeof(key));
    if (e != OK)
        return e;
    target_bytes(ex->target, unpad_data(data));
    target_i64(ex->target, (int64_t)data.len);
    target_bytes(ex->target, signature);
    return OK;
}

static enum err give_text(struct export *ex, const struct row *row)
{
    const struct reaction_place place = {row_i64(row, 2), row_i64(row, 1), row_i64(row, 3)};
    struct span text;
    enum err e = reaction_open(ex->ring, ex->db, ex->mem, &place, row_bytes(row, 4), &text);
    if (e == OK)
        target_text(ex->target, text);
    return e;
}

static enum err give_dm(struct export *ex, const struct row *row)
{
    struct bytes body;
    struct span message;
    enum err e = copy_of(ex, row_bytes(row, 6), &body);
    struct dm_sealed sealed = {.people = {.sender = row_i64(row, 2), .recipient = row_i64(row, 1)},
                               .key_id = row_i64(row, 5)};
    if (e != OK)
        return e;
    sealed.body = (struct buf){.p = body.p, .len = body.len};
    e = dms_open(ex->db, ex->ring, &sealed, &message);
    if (e == OK)
        target_bytes(ex->target, message);
    return e;
}

/* PySOGS has a row for itself already. */
static enum err skip_system_user(struct export *ex, const struct row *row)
{
    return row_i64(row, 0) == ex->system_user ? ERR_MISSING : OK;
}

static enum err give_file(struct export *ex, const struct row *row)
{
    enum err e = export_file(ex, row);
    if (e == ERR_MISSING)
        ex->files_over++;
    return e;
}

static const struct export_table tables[] = {
    {"rooms", GIVING_ROOMS, "itttidiiioooo",
     "INSERT INTO rooms (id, token, name, description, image, created, message_sequence,"
     " info_updates, active_users, read, accessible, write, upload)"
     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
     NULL},
    {"users", GIVING_USERS, "itddoooo",
     "INSERT INTO users (id, session_id, created, last_active, banned, moderator, admin,"
     " visible_mod) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
     skip_system_user},
    {"needs_blinding", GIVING_NEEDS_BLINDING, "tu",
     "INSERT INTO needs_blinding (blinded_abs, \"user\") VALUES (?, ?)", NULL},
    {"user_permission_overrides", GIVING_PERMISSIONS, "iuoooooooo",
     "INSERT INTO user_permission_overrides (room, \"user\", banned, read, accessible, write,"
     " upload, moderator, admin, visible_mod) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
     NULL},
    {"user_permission_futures", GIVING_PERMISSION_FUTURES, "iudooo",
     "INSERT INTO user_permission_futures (room, \"user\", at, read, write, upload)"
     " VALUES (?, ?, ?, ?, ?, ?)",
     NULL},
    {"user_ban_futures", GIVING_BAN_FUTURES, "iudo",
     "INSERT INTO user_ban_futures (room, \"user\", at, banned) VALUES (?, ?, ?, ?)", NULL},
    {"room_users", GIVING_ACTIVITY, "iud",
     "INSERT INTO room_users (room, \"user\", last_active) VALUES (?, ?, ?)", NULL},
    {"messages", GIVING_MESSAGES, "iiuddiiiiouo",
     "INSERT INTO messages (id, room, \"user\", posted, edited, seqno, seqno_data, seqno_reactions,"
     " seqno_creation, filtered, whisper, whisper_mods, data, data_size, signature)"
     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
     give_body},
    {"pinned_messages", GIVING_PINS, "iiud",
     "INSERT INTO pinned_messages (room, message, pinned_by, pinned_at) VALUES (?, ?, ?, ?)", NULL},
    {"reactions", GIVING_REACTIONS, "ii",
     "INSERT INTO reactions (id, message, reaction) VALUES (?, ?, ?)", give_text},
    {"user_reactions", GIVING_USER_REACTIONS, "iud",
     "INSERT INTO user_reactions (reaction, \"user\", at) VALUES (?, ?, ?)", NULL},
    {"files", GIVING_FILES, "iiuidd",
     "INSERT INTO files (id, room, uploader, message, uploaded, expiry, size, filename, path)"
     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
     give_file},
    {"inbox", GIVING_DMS, "iuudd",
     "INSERT INTO inbox (id, recipient, sender, posted_at, expiry, body)"
     " VALUES (?, ?, ?, ?, ?, ?)",
     give_dm},
};

const char *export_name(enum giving what)
{
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        if (tables[i].what == what)
            return tables[i].name;
    return "";
}

static enum err give_row(struct export *ex, const struct export_table *table, const struct row *row)
{
    arena_reset(ex->mem);
    for (int column = 0; table->letters[column] != '\0'; column++)
        give_column(ex, row, column, table->letters[column]);
    enum err e = table->rest != NULL ? table->rest(ex, row) : OK;
    if (e != OK)
        target_forget(ex->target);
    if (e != OK)
        return e == ERR_MISSING ? OK : e;
    e = target_row(ex->target);
    if (e == OK)
        ex->given[table->what]++;
    return e;
}

static enum err give_table(struct export *ex, const struct export_table *table)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    if (ex->sums != NULL)
        target_sum(ex->target, &ex->sums[table->what]);
    enum err e = target_begin(ex->target, table->insert);
    if (e == OK)
        e = giving_ask(ex->db, table->what);
    while (e == OK && (e = giving_next(ex->db, &rows)) == OK) {
        while (e == OK && rows_next(&rows, &row))
            e = give_row(ex, table, &row);
        if (e == OK && !rows_ok(&rows))
            e = ERR_DEFECT;
    }
    return e == ERR_MISSING ? OK : e;
}

/*
 * SQLite gives the number after the highest that is there, and direct messages go when their time
 * is over: so that nobody who remembers a higher one misses what comes, the last number stays in a
 * message of the server to itself.
 */
static enum err keep_last_dm(struct export *ex)
{
    const double far = 4102444800; /* the year 2100 */
    int64_t last = 0;
    enum err e = giving_last_dm(ex->db, &last);
    if (e != OK || last == 0)
        return e;
    e = target_begin(ex->target,
                     "INSERT OR IGNORE INTO inbox (id, recipient, sender, posted_at, expiry, body)"
                     " VALUES (?, 0, 0, ?, ?, ?)");
    if (e != OK)
        return e;
    target_i64(ex->target, last);
    target_f64(ex->target, ex->now);
    target_f64(ex->target, far);
    target_bytes(ex->target, SPAN(""));
    return target_row(ex->target);
}

enum err export_run(struct export *ex)
{
    enum err e = giving_system_user(ex->db, &ex->system_user);
    if (e == ERR_MISSING)
        e = OK;
    ex->mem = arena_new(ROW_BYTES);
    if (ex->mem == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; e == OK && i < COUNT_OF(tables); i++)
        e = give_table(ex, &tables[i]);
    if (e == OK && ex->sums == NULL)
        e = keep_last_dm(ex);
    arena_free(ex->mem);
    ex->mem = NULL;
    /* Before the database names them. */
    if (e == OK && ex->sums == NULL && syncfs(ex->folder) != 0)
        e = ERR_DENIED;
    return e;
}
