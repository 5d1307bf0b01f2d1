/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A room that is added is changed in the transaction that creates it: with --preset private there
 * is no moment in which it is open.
 */
#include "cli/room_change.h"

#include <string.h>

#include "base/clock.h"
#include "cli/room_icon.h"

/* What a room grants to everybody, for people who do not want to think in four switches. */
static const struct room_preset {
    const char *name;
    enum tristate read, accessible, write, upload;
} presets[] = {
    /* Everybody reads, posts and attaches files. */
    {"open", TRI_YES, TRI_YES, TRI_YES, TRI_YES},
    /* Everybody reads; moderators post. */
    {"announce", TRI_YES, TRI_YES, TRI_NO, TRI_NO},
    /* For who is let in (`user set ID --room TOKEN --read yes`): for others it does not exist. */
    {"private", TRI_NO, TRI_NO, TRI_YES, TRI_YES},
    /* Everybody reads and posts; moderators attach files. */
    {"media-off", TRI_YES, TRI_YES, TRI_YES, TRI_NO},
};

const char *room_change_read_preset(const char *text, void *preset)
{
    for (size_t i = 0; i < COUNT_OF(presets); i++)
        if (strcmp(text, presets[i].name) == 0) {
            *(const struct room_preset **)preset = &presets[i];
            return NULL;
        }
    return "open, announce, private or media-off";
}

const char *room_change_read_name(const char *text, void *name)
{
    size_t len = strlen(text);
    if (len == 0 || len > ROOM_NAME_MAX)
        return "a name of 1 to 512 bytes";
    *(const char **)name = text;
    return NULL;
}

const char *room_change_read_description(const char *text, void *description)
{
    if (strlen(text) > ROOM_DESCRIPTION_MAX)
        return "at most 4096 bytes";
    *(const char **)description = text;
    return NULL;
}

bool room_change_touches_room(const struct room_change_options *o)
{
    return o->name || o->description || o->icon || o->no_icon || o->preset || o->read != TRI_NULL ||
           o->accessible != TRI_NULL || o->write != TRI_NULL || o->upload != TRI_NULL ||
           o->files.set_quota || o->files.set_types;
}

const char *room_change_check(const struct room_change_options *o)
{
    bool hides = o->preset && o->preset->read == TRI_NO && o->preset->accessible == TRI_NO;
    if (o->icon && o->no_icon)
        return "--icon and --no-icon exclude each other";
    if (hides && (o->read == TRI_YES || o->accessible == TRI_YES))
        return "--preset private hides the room; --read yes or --accessible yes would show it to "
               "everybody: say one or the other";
    return NULL;
}

/* ---- the transaction ---- */

struct changing {
    struct cli *cli;
    const struct room_change_options *options;
    struct span token; /* p == NULL: the room is there */
    int64_t room;
    struct ring *ring; /* NULL: no picture */
    struct span picture;
    enum { AT_CREATION, AT_PICTURE, AT_OTHERS } at; /* where it failed */
    enum blob_refusal why;
};

static enum tristate chosen(enum tristate own, enum tristate preset)
{
    return own != TRI_NULL ? own : preset;
}

static enum err change_row(struct changing *c, const int64_t *image)
{
    static const struct room_preset no_preset = {"", TRI_NULL, TRI_NULL, TRI_NULL, TRI_NULL};
    const struct room_change_options *o = c->options;
    const struct room_preset *preset = o->preset ? o->preset : &no_preset;
    bool is_new = c->token.p != NULL;
    struct span name = span_of_text(o->name ? o->name : "");
    struct span description = span_of_text(o->description ? o->description : "");
    int64_t info_updates;
    const struct room_change change = {
        .name = o->name && !is_new ? &name : NULL,
        .description = o->description && !is_new ? &description : NULL,
        .image = image,
        .read = chosen(o->read, preset->read),
        .accessible = chosen(o->accessible, preset->accessible),
        .write = chosen(o->write, preset->write),
        .upload = chosen(o->upload, preset->upload),
        .now = (double)clock_wall_ms() / SECOND_MS,
        .file_lifetime_s = (double)c->cli->conf->files.room_ttl_ms / SECOND_MS};
    return rooms_change(c->cli->db, c->room, &change, &info_updates);
}

static enum err create(struct changing *c)
{
    const struct room_change_options *o = c->options;
    return rooms_create(c->cli->db, c->token, span_of_text(o->name),
                        o->description ? span_of_text(o->description) : (struct span){0},
                        clock_wall_ms(), &c->room);
}

static enum err change_all(struct db *db, void *arg)
{
    struct changing *c = arg;
    const struct room_change_options *o = c->options;
    int64_t image = 0;
    c->at = AT_CREATION;
    /* The room first: in this order everybody locks. */
    enum err e = c->token.p != NULL
                     ? create(c)
                     : standing_lock(db, &(struct reach){.rooms = &c->room, .count = 1});
    if (e != OK)
        return e;
    c->at = AT_OTHERS;
    if (o->files.set_quota || o->files.set_types)
        e = room_files_change(db, c->room, &o->files);
    if (e == OK)
        e = retention_apply(db, &o->retention, c->room);
    if (e == OK && c->ring) {
        c->at = AT_PICTURE;
        e = room_icon_put(c->cli, c->ring, c->room, c->picture, &image, &c->why);
    }
    if (e != OK)
        return e;
    c->at = AT_OTHERS;
    return change_row(c, c->ring || o->no_icon ? &image : NULL);
}

static int said(const struct changing *c, enum err e)
{
    if (e == OK)
        return CLI_OK;
    if (c->at == AT_CREATION && e == ERR_CONFLICT)
        return cli_fail(CLI_FAILED, "there is a room with that token already");
    return c->at == AT_PICTURE ? room_icon_refused(e, c->why) : cli_store_failed(e);
}

static int change(struct changing *c)
{
    AUTO_BUF struct buf picture = buf_make(c->cli->conf->files.max_bytes + KIB(64));
    const char *icon = c->options->icon;
    int code = icon ? room_icon_read(c->cli, icon, &picture) : CLI_OK;
    if (code == CLI_OK && icon)
        code = cli_open_ring(c->cli, &c->ring);
    if (code != CLI_OK)
        return code;
    c->picture = buf_span(&picture);
    code = said(c, db_tx(c->cli->db, change_all, c));
    ring_free(c->ring);
    return code;
}

int room_change_add(struct cli *cli, struct span token, const struct room_change_options *o)
{
    struct changing c = {.cli = cli, .options = o, .token = token};
    return change(&c);
}

int room_change_set(struct cli *cli, int64_t room, const struct room_change_options *o)
{
    struct changing c = {.cli = cli, .options = o, .room = room};
    return change(&c);
}
