/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of pins.
 */
#include "store/pins.h"

#include "store/attachments.h"
#include "store/internal.h"

static bool read_pin(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    struct pin_row *pin = element;
    pin->message = row_i64(row, 0);
    pin->pinned_at = row_f64(row, 1);
    row_key(row, 2, pin->pinned_by.b, sizeof(pin->pinned_by.b));
    return true;
}

enum err pins_list(struct db *db, struct arena *mem, int64_t room, struct pin_row **ret_pins,
                   size_t *ret_count)
{
    AUTO_ROWS struct rows rows = {0};
    void *pins = NULL;
    enum err e = DB_RUN(db, "pins.list", &rows, PARAM_I64(room));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(struct pin_row), read_pin, &pins, ret_count);
    if (e == OK)
        *ret_pins = pins;
    return e;
}

static enum err count_changes(struct db *db, int64_t room, int64_t changes)
{
    enum err e = DB_RUN(db, "pins.info", NULL, PARAM_I64(room), PARAM_I64(changes));
    return e == OK ? versions_bump(db, VERSION_ROOM_CONTENT, room) : e;
}

enum err pins_add(struct db *db, const struct pin *pin)
{
    int64_t others = 0, message = 0;
    enum err e =
        STORE_ONE_I64(db, "pins.others", &others, PARAM_I64(pin->room), PARAM_I64(pin->message));
    if (e == OK && others >= PINS_MAX)
        return ERR_TOO_LARGE;
    if (e == OK)
        e = STORE_ONE_I64(db, "pins.add", &message, PARAM_I64(pin->room), PARAM_I64(pin->message),
                          PARAM_BYTES(SPAN_OF_KEY(&pin->by)), PARAM_F64(pin->now));
    if (e == OK)
        e = attachments_pin(db, &message, 1);
    return e == OK ? count_changes(db, pin->room, 1) : e;
}

static bool read_message(const struct row *row, struct arena *mem, void *element)
{
    (void)mem;
    *(int64_t *)element = row_i64(row, 0);
    return true;
}

enum err pins_remove(struct db *db, struct arena *mem, int64_t room, int64_t message,
                     double lifetime_s, int64_t *ret_removed)
{
    AUTO_ROWS struct rows rows = {0};
    void *messages = NULL;
    size_t count = 0;
    enum err e = DB_RUN(db, "pins.remove", &rows, PARAM_I64(room), PARAM_I64(message));
    if (e == OK)
        e = store_read_all(&rows, mem, sizeof(int64_t), read_message, &messages, &count);
    if (e == OK && count > 0)
        e = attachments_unpin(db, messages, count, lifetime_s);
    if (e == OK && count > 0)
        e = count_changes(db, room, (int64_t)count);
    if (e == OK)
        *ret_removed = (int64_t)count;
    return e;
}
