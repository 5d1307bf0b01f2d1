/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing message objects. Apart from the windows and the lists, so that what a message looks like
 * stands on one page. Which rows a reader gets, and with which number, is decided elsewhere
 * (state/page.c, state/lists.c).
 */
#include "state/render.h"

#include "base/base64.h"
#include "router/call.h"
#include "router/json_out.h"

bool render_sees(const struct message_row *row, const struct reader_view *view)
{
    if (row->damaged)
        return false;
    if (!row->has_whisper_to && !row->whisper_mods)
        return true;
    if (!view->who->known)
        return false;
    if (row->has_whisper_to && session_id_eq(&row->whisper_to, &view->who->id))
        return true;
    if (!view->moderator)
        return false;
    /* A whisper between two others stays theirs even before moderators. */
    return !row->has_whisper_to || row->whisper_mods || session_id_eq(&row->author, &view->who->id);
}

static void put_id(struct buf *out, const char *key, const struct session_id *id)
{
    buf_put_text(out, key);
    json_out_hex(out, SPAN_OF_KEY(id));
}

static void put_time(struct buf *out, const char *key, double seconds)
{
    buf_put_text(out, key);
    json_out_double(out, seconds);
}

static void put_whisper(struct buf *out, const struct message_row *row)
{
    if (!row->whisper && !row->whisper_mods && !row->has_whisper_to)
        return;
    buf_put_text(out, ",\"whisper\":true,\"whisper_mods\":");
    json_out_bool(out, row->whisper_mods);
    if (row->has_whisper_to)
        put_id(out, ",\"whisper_to\":", &row->whisper_to);
}

static void put_head(struct buf *out, const struct message_row *row)
{
    buf_put_text(out, ",\"id\":");
    buf_put_i64(out, row->id);
    put_id(out, ",\"session_id\":", &row->author);
    put_time(out, ",\"posted\":", row->posted);
}

static void put_data(struct buf *out, const struct message_row *row)
{
    buf_put_text(out, ",\"data\":");
    json_out_base64(out, row->data);
    buf_put_text(out, ",\"signature\":");
    json_out_base64(out, row->signature);
}

void render_fragment(const struct message_row *row, struct buf *out)
{
    put_head(out, row);
    if (row->edited > 0)
        put_time(out, ",\"edited\":", row->edited);
    if (row->deleted)
        buf_put_text(out, ",\"data\":null,\"deleted\":true");
    else
        put_data(out, row);
    put_whisper(out, row);
}

size_t render_fragment_size(const struct message_row *row)
{
    /* Every key, two ids of 66, and the longest numbers. */
    enum { BESIDES_DATA_BYTES = 640 };
    return base64_len(row->data.len) + base64_len(row->signature.len) + BESIDES_DATA_BYTES;
}

/* ---- reactions (docs/protocol/community.md, 3.5) ---- */

static bool is_kept(const struct reaction_row *reaction, const struct session_id *id)
{
    for (size_t i = 0; i < reaction->kept; i++)
        if (session_id_eq(&reaction->reactors[i], id))
            return true;
    return false;
}

bool render_knows_you(const struct message_row *row, const struct reader_view *view)
{
    for (size_t i = 0; view->who->known && i < row->reaction_count; i++) {
        const struct reaction_row *r = &row->reactions[i];
        if (r->kept < (size_t)r->count && !is_kept(r, &view->who->id))
            return false;
    }
    return true;
}

static void put_reactors(struct buf *out, const struct reaction_row *reaction, int64_t reactors)
{
    buf_put_text(out, ",\"reactors\":[");
    for (size_t i = 0; i < reaction->kept && i < (size_t)reactors; i++) {
        if (i > 0)
            buf_put_byte(out, ',');
        json_out_hex(out, SPAN_OF_KEY(&reaction->reactors[i]));
    }
    buf_put_byte(out, ']');
}

static void put_reactions(struct buf *out, const struct message_row *row,
                          const struct reader_view *view)
{
    buf_put_text(out, ",\"reactions\":{");
    for (size_t i = 0; i < row->reaction_count; i++) {
        const struct reaction_row *r = &row->reactions[i];
        if (i > 0)
            buf_put_byte(out, ',');
        json_out_text(out, r->text);
        buf_put_text(out, ":{\"index\":");
        buf_put_i64(out, (int64_t)i);
        buf_put_text(out, ",\"count\":");
        buf_put_i64(out, r->count);
        if (view->reactors > 0)
            put_reactors(out, r, view->reactors);
        if (view->who->known && (r->caller || is_kept(r, &view->who->id)))
            buf_put_text(out, ",\"you\":true");
        buf_put_byte(out, '}');
    }
    buf_put_byte(out, '}');
}

size_t render_size(const struct message_row *row, const struct reader_view *view)
{
    /*
     * Text of control characters takes six bytes for one; keys and two numbers; a quoted id and its
     * comma.
     */
    enum { ESCAPED_MAX = 6, BESIDES_BYTES = 128, ID_BYTES = SESSION_ID_TEXT_LEN + 3 };
    size_t size = render_fragment_size(row);
    for (size_t i = 0; i < row->reaction_count; i++) {
        const struct reaction_row *r = &row->reactions[i];
        size_t shown = r->kept < (size_t)view->reactors ? r->kept : (size_t)view->reactors;
        size += ESCAPED_MAX * r->text.len + BESIDES_BYTES + shown * ID_BYTES;
    }
    return size;
}

/* ---- rows ---- */

static void open_row(struct buf *out, int64_t seqno)
{
    json_out_comma(out);
    buf_put_text(out, "{\"seqno\":");
    buf_put_i64(out, seqno);
}

void render_full(const struct message_row *row, struct span fragment, int64_t seqno,
                 const struct reader_view *view, struct buf *out)
{
    open_row(out, seqno);
    if (fragment.p != NULL)
        buf_put(out, fragment);
    else
        render_fragment(row, out);
    if (!row->deleted)
        put_reactions(out, row, view);
    buf_put_byte(out, '}');
}

void render_reactions_only(const struct message_row *row, int64_t seqno,
                           const struct reader_view *view, struct buf *out)
{
    open_row(out, seqno);
    buf_put_text(out, ",\"id\":");
    buf_put_i64(out, row->id);
    put_reactions(out, row, view);
    buf_put_byte(out, '}');
}

enum err state_write_posted(const struct message_row *row, bool filtered, struct buf *out)
{
    open_row(out, row->seqno_data);
    put_head(out, row);
    put_data(out, row);
    put_whisper(out, row);
    if (filtered)
        buf_put_text(out, ",\"filtered\":true");
    buf_put_text(out, ",\"reactions\":{}}");
    return buf_verdict(out);
}
