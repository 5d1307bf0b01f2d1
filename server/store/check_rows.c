/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL that walks through everything that is sealed, in the order of ids. While servers run, a row
 * may go between its page and its key: what does not open is read a second time before it counts.
 */
#include "store/check_rows.h"

#include "store/dms.h"
#include "store/files_internal.h"
#include "store/message_mac.h"
#include "store/messages.h"
#include "store/reactions.h"

enum { FILES_PER_PAGE = 16 };

/* ---- one row ---- */

static enum err copy_of(const struct row_check *c, const struct row *row, struct bytes *ret_copy)
{
    struct span copy;
    if (!row_dup(row, 3, c->mem, &copy))
        return ERR_NO_MEMORY;
    *ret_copy = (struct bytes){(uint8_t *)(uintptr_t)copy.p, copy.len};
    return OK;
}

static enum err open_key(const struct row_check *c, const struct row *row)
{
    struct aead_key key;
    enum err e = ring_key_by_id(c->ring, c->db, row_i64(row, 0), &key);
    crypto_wipe(&key, sizeof(key));
    return e;
}

static enum err open_message(const struct row_check *c, const struct row *row)
{
    struct aead_key key;
    struct bytes body;
    struct span signature, data;
    enum err e = copy_of(c, row, &body);
    if (e == OK)
        e = ring_key_for(c->ring, c->db, RING_MESSAGES, row_i64(row, 4), row_i64(row, 2), &key);
    if (e != OK)
        return e;
    struct message_facts facts = {
        .room = row_i64(row, 4), .seqno_creation = row_i64(row, 5), .sealed = span_of_bytes(body)};
    e = message_mac_check_row(c->ring, &key, row, 6, &facts);
    if (e == OK)
        e = message_open(&key, row_i64(row, 4), row_i64(row, 5), body, &signature, &data);
    crypto_wipe(&key, sizeof(key));
    return e;
}

static enum err open_reaction(const struct row_check *c, const struct row *row)
{
    const struct reaction_place at = {row_i64(row, 4), row_i64(row, 5), row_i64(row, 2)};
    struct span text;
    return reaction_open(c->ring, c->db, c->mem, &at, row_bytes(row, 3), &text);
}

static enum err open_dm(const struct row_check *c, const struct row *row)
{
    struct bytes body;
    struct span message;
    enum err e = copy_of(c, row, &body);
    struct dm_sealed sealed = {.people = {.sender = row_i64(row, 4), .recipient = row_i64(row, 5)},
                               .key_id = row_i64(row, 2)};
    if (e != OK)
        return e;
    sealed.body = (struct buf){.p = body.p, .len = body.len};
    return dms_open(c->db, c->ring, &sealed, &message);
}

static const struct {
    const char *statement;
    int64_t page; /* rows: 64 of the largest bodies are 4 MB */
    enum err (*open)(const struct row_check *c, const struct row *row);
} kinds[] = {
    [DAMAGED_MESSAGE] = {"check.messages", 64, open_message},
    [DAMAGED_REACTION] = {"check.reactions", 512, open_reaction},
    [DAMAGED_DM] = {"check.dms", 64, open_dm},
    [DAMAGED_KEY] = {"check.keys", 512, open_key},
};

/* ---- pages ---- */

/* Read again by itself: gone meanwhile, or opened, it is not damaged. */
static enum err confirm(const struct row_check *c, int64_t id)
{
    AUTO_ROWS struct rows rows = {0};
    struct row row;
    enum err e = DB_RUN(c->db, kinds[c->kind].statement, &rows, PARAM_I64(id - 1), PARAM_I64(1));
    if (e != OK || !rows_next(&rows, &row) || row_i64(&row, 0) != id)
        return e;
    return kinds[c->kind].open(c, &row);
}

enum err check_page(struct row_check *c, struct damaged_row **ret_damaged, size_t *ret_count,
                    size_t *ret_read)
{
    AUTO_ROWS struct rows rows = {0};
    arena_reset(c->mem);
    enum err e = DB_RUN(c->db, kinds[c->kind].statement, &rows, PARAM_I64(c->after),
                        PARAM_I64(kinds[c->kind].page));
    if (e != OK)
        return e;
    struct damaged_row *damaged = ARENA_ARRAY(c->mem, (size_t)rows.count, struct damaged_row);
    if (damaged == NULL)
        return ERR_NO_MEMORY;
    struct row row;
    size_t count = 0;
    while (e == OK && rows_next(&rows, &row)) {
        c->after = row_i64(&row, 0);
        e = kinds[c->kind].open(c, &row);
        if (damage_is(e))
            e = confirm(c, c->after);
        if (!damage_is(e))
            continue;
        damaged[count].id = c->after;
        e = row_dup(&row, 1, c->mem, &damaged[count].room) ? OK : ERR_NO_MEMORY;
        count++;
    }
    if (e == OK && !rows_ok(&rows))
        e = ERR_DEFECT;
    if (e != OK)
        return e;
    *ret_damaged = damaged;
    *ret_count = count;
    *ret_read = (size_t)rows.count;
    return OK;
}

static bool read_file(const struct row *row, struct arena *mem, void *element)
{
    struct file_row *file = element;
    files_read_file(row, file);
    return row_dup(row, FILE_COLUMN_COUNT, mem, &file->name);
}

enum err check_files(struct db *db, struct arena *mem, int64_t after, double now,
                     struct file_row **ret_files, size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *files = NULL;
    enum err e = DB_RUN(db, "check.files", &rows, PARAM_I64(after), PARAM_F64(now),
                        PARAM_I64(FILES_PER_PAGE));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct file_row), read_file, &files, ret_count);
    if (e == OK)
        *ret_files = files;
    return e;
}
