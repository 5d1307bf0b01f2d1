/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rendering of what a room tells about itself. The caller's own flags are a few dozen bytes and are
 * written per call; everything else is copied.
 */
#include "state/info.h"

#include "base/mem.h"
#include "router/json_out.h"

static void put_pins(struct buf *out, const struct pin_row *pins, size_t count)
{
    if (count == 0)
        return;
    buf_put_text(out, ",\"pinned_messages\":[");
    for (size_t i = 0; i < count; i++) {
        buf_put_text(out, i == 0 ? "{\"id\":" : ",{\"id\":");
        buf_put_i64(out, pins[i].message);
        /* Android reads an integer here (docs/design.md, D8). */
        buf_put_text(out, ",\"pinned_at\":");
        buf_put_i64(out, (int64_t)pins[i].pinned_at);
        buf_put_text(out, ",\"pinned_by\":");
        json_out_hex(out, SPAN_OF_KEY(&pins[i].pinned_by));
        buf_put_byte(out, '}');
    }
    buf_put_byte(out, ']');
}

static void put_number(struct buf *out, const char *key, int64_t value)
{
    buf_put_text(out, key);
    buf_put_i64(out, value);
}

static void put_flag(struct buf *out, const char *key, bool value)
{
    buf_put_text(out, key);
    json_out_bool(out, value);
}

static void render_body(struct info *info, bool moderator, const struct room_row *room,
                        const struct rights_overrides *overrides, const struct rights_users *users)
{
    struct buf *out = &info->body[moderator];
    buf_put_text(out, ",\"created\":");
    json_out_double(out, room->created);
    put_number(out, ",\"active_users\":", room->active_users);
    put_number(out, ",\"active_users_cutoff\":", INFO_ACTIVE_CUTOFF_S);
    if (room->image != 0)
        put_number(out, ",\"image_id\":", room->image);
    (void)rights_put_role(overrides, users, (struct rights_role){.admin = false, .visible = true},
                          true, ",\"moderators\":", out);
    (void)rights_put_role(overrides, users, (struct rights_role){.admin = true, .visible = true},
                          true, ",\"admins\":", out);
    if (!moderator)
        return;
    (void)rights_put_role(overrides, users, (struct rights_role){.admin = false, .visible = false},
                          false, ",\"hidden_moderators\":", out);
    (void)rights_put_role(overrides, users, (struct rights_role){.admin = true, .visible = false},
                          false, ",\"hidden_admins\":", out);
}

static void render_head(struct info *info, const struct room_row *room)
{
    buf_put_text(&info->token, "\"token\":");
    json_out_text(&info->token, room->token);

    buf_put_text(&info->head, ",\"name\":");
    json_out_text(&info->head, room->name);
    if (room->description.p != NULL) {
        buf_put_text(&info->head, ",\"description\":");
        json_out_text(&info->head, room->description);
    }
    put_number(&info->head, ",\"info_updates\":", room->info_updates);
    buf_put_text(&info->head, ",\"message_sequence\":");

    put_flag(&info->default_rights, ",\"default_read\":", room->read);
    put_flag(&info->default_rights, ",\"default_accessible\":", room->accessible);
    put_flag(&info->default_rights, ",\"default_write\":", room->write);
    put_flag(&info->default_rights, ",\"default_upload\":", room->upload);
}

static enum err verdict(const struct info *info)
{
    const struct buf *parts[] = {&info->token, &info->head, &info->body[0], &info->body[1],
                                 &info->default_rights};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        enum err e = buf_verdict(parts[i]);
        if (e != OK)
            return e;
    }
    return OK;
}

enum err info_new(const struct room_row *room, const struct pin_row *pins, size_t pin_count,
                  const struct rights_overrides *overrides, const struct rights_users *users,
                  struct info **ret_info)
{
    struct info *info = MEM_NEW(struct info);
    if (info == NULL)
        return ERR_NO_MEMORY;
    info->info_updates = room->info_updates;
    info->active_users = room->active_users;
    info->defaults = (struct rights_defaults){.read = room->read,
                                              .accessible = room->accessible,
                                              .write = room->write,
                                              .upload = room->upload};
    info->token = info->head = info->default_rights = buf_make(INFO_MAX_BYTES);
    info->body[0] = info->body[1] = buf_make(INFO_MAX_BYTES);
    render_head(info, room);
    for (int moderator = 0; moderator <= 1; moderator++) {
        render_body(info, moderator != 0, room, overrides, users);
        put_pins(&info->body[moderator], pins, pin_count);
    }
    enum err e = verdict(info);
    if (e != OK) {
        info_free(info);
        return e;
    }
    *ret_info = info;
    return OK;
}

void info_free(struct info *info)
{
    if (info == NULL)
        return;
    buf_done(&info->token);
    buf_done(&info->head);
    buf_done(&info->body[0]);
    buf_done(&info->body[1]);
    buf_done(&info->default_rights);
    mem_free(info);
}

size_t info_bytes(const struct info *info)
{
    return sizeof(*info) + info->token.cap + info->head.cap + info->body[0].cap +
           info->body[1].cap + info->default_rights.cap;
}

static void put_rights(const struct info *info, const struct rights *rights, struct buf *out)
{
    put_flag(out, ",\"read\":", rights->read);
    put_flag(out, ",\"write\":", rights->write);
    put_flag(out, ",\"upload\":", rights->upload);
    if (!rights->moderator)
        return;
    buf_put_text(out, ",\"moderator\":true");
    buf_put(out, buf_span(&info->default_rights));
    if (rights->admin)
        buf_put_text(out, ",\"admin\":true");
    if (rights->global_moderator)
        buf_put_text(out, ",\"global_moderator\":true");
    if (rights->global_admin)
        buf_put_text(out, ",\"global_admin\":true");
}

void info_write_token(const struct info *info, struct buf *out)
{
    buf_put(out, span_skip(buf_span(&info->token), strlen("\"token\":")));
}

void info_write_room(const struct info *info, int64_t message_sequence, const struct rights *rights,
                     struct buf *out)
{
    json_out_comma(out);
    buf_put_byte(out, '{');
    buf_put(out, buf_span(&info->token));
    buf_put(out, buf_span(&info->head));
    buf_put_i64(out, message_sequence);
    buf_put(out, buf_span(&info->body[rights->moderator]));
    put_rights(info, rights, out);
    buf_put_byte(out, '}');
}

void info_write_poll(const struct info *info, int64_t message_sequence, int64_t counter,
                     const struct rights *rights, struct buf *out)
{
    json_out_comma(out);
    buf_put_byte(out, '{');
    buf_put(out, buf_span(&info->token));
    put_number(out, ",\"active_users\":", info->active_users);
    put_rights(info, rights, out);
    if (counter != info->info_updates) {
        buf_put_text(out, ",\"details\":");
        info_write_room(info, message_sequence, rights, out);
    }
    buf_put_byte(out, '}');
}
