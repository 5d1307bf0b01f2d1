/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rooms, and at the end their pictures: a room names a file, which belongs to a room.
 */
#include <ctype.h>
#include <stdio.h>

#include "base/utf8.h"
#include "pysogs/import.h"
#include "store/rooms.h"

static bool is_token(struct span token)
{
    for (size_t i = 0; i < token.len; i++)
        if (!isalnum(token.p[i]) && token.p[i] != '_' && token.p[i] != '-')
            return false;
    return token.len > 0 && token.len <= ROOM_TOKEN_MAX;
}

/* What our columns hold: PostgreSQL's text has no NUL. */
static bool is_text(struct span s, size_t max)
{
    return s.len <= max && utf8_valid(s) && (s.len == 0 || memchr(s.p, 0, s.len) == NULL);
}

static enum err take_room(struct import *im, struct batch *out)
{
    struct source *s = im->source;
    int64_t id = source_i64(s, 0);
    struct span token = source_bytes(s, 1), name = source_bytes(s, 2),
                description = source_bytes(s, 3);
    if (!is_token(token))
        return import_refuse(im, "rooms", id, "its token is not 1 to 64 of A-Z a-z 0-9 _ -");
    if (name.p == NULL || !is_text(name, ROOM_NAME_MAX))
        return import_refuse(im, "rooms", id, "its name is no text of at most 512 bytes");
    if (!is_text(description, ROOM_DESCRIPTION_MAX))
        return import_refuse(im, "rooms", id, "its description is no text of at most 4096 bytes");
    batch_begin(out, id);
    batch_i64(out, id);
    batch_bytes(out, token);
    batch_bytes(out, name);
    batch_bytes(out, description.len > 0 ? description : (struct span){NULL, 0});
    batch_f64(out, source_f64(s, 4));
    for (int column = 5; column < 8; column++)
        batch_i64(out, source_i64(s, column));
    for (int column = 8; column < 12; column++)
        batch_i16(out, source_i64(s, column));
    return batch_end(out);
}

static void same_text(struct digest_row *out, struct span text)
{
    if (text.len == 0)
        digest_null(out);
    else
        digest_bytes(out, text);
}

static void same_room(struct import *im, struct digest_row *out)
{
    struct source *s = im->source;
    digest_i64(out, source_i64(s, 0));
    digest_bytes(out, source_bytes(s, 1));
    digest_bytes(out, source_bytes(s, 2));
    same_text(out, source_bytes(s, 3));
    import_same_number(out, source_i64(s, 12));
    digest_f64(out, source_f64(s, 4));
    for (int column = 5; column < 12; column++)
        digest_i64(out, source_i64(s, column));
}

enum err import_rooms(struct import *im)
{
    static const struct import_table rooms = {
        .name = "rooms",
        .sql = "SELECT id, CAST(token AS TEXT), name, description, created, message_sequence,"
               "       info_updates, active_users, CAST(read AS INTEGER),"
               "       CAST(accessible AS INTEGER), CAST(write AS INTEGER),"
               "       CAST(upload AS INTEGER),"
               "       coalesce((SELECT f.id FROM files f"
               "                  WHERE f.id = rooms.image AND f.room = rooms.id), -1)"
               "  FROM rooms ORDER BY id",
        .what = TAKING_ROOMS,
        .letters = "ibbbdiiissss",
        .row = take_room,
        .same = same_room,
        .giving = GIVING_ROOMS,
    };
    return import_table(im, &rooms);
}

static enum err take_image(struct import *im, struct batch *out)
{
    int64_t room = source_i64(im->source, 0), taken = out->taken;
    batch_begin(out, room);
    batch_i64(out, room);
    batch_i64(out, source_i64(im->source, 1));
    enum err e = batch_end(out);
    if (e == OK) /* at once: rooms are few, and one without its picture has to be named */
        e = import_alone(im, out);
    if (e != OK || out->taken > taken)
        return e;
    im->changed++;
    (void)fprintf(stderr, "conclave: rooms, id %lld: its picture is not there; it has none now\n",
                  (long long)room);
    return OK;
}

enum err import_images(struct import *im)
{
    static const struct import_table images = {
        .name = "pictures of rooms",
        .sql = "SELECT id, image FROM rooms WHERE image IS NOT NULL ORDER BY id",
        .what = TAKING_IMAGES,
        .letters = "ii",
        .row = take_image,
    };
    return import_table(im, &images);
}
