/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of conclave-client for direct messages.
 */
#include "client/community_dms.h"
#include "client/tool.h"

int tool_dm(const struct tool *t, struct community *c)
{
    struct session_id to;
    json_auto_t *sent = NULL;
    if (account_id_read(span_of_text(t->words[1]), &to) != OK || to.b[0] != ID_BLINDED15)
        return tool_usage("dm wants a blinded id: 66 hex digits, 15 first");
    enum err e = community_dm(c, &to, t->words[2], &sent);
    if (e != OK)
        return tool_tell(c, e);
    tool_print(sent);
    return TOOL_DONE;
}

static bool print_row(const struct community *c, const json_t *row)
{
    struct direct_message m AUTO_DIRECT_MESSAGE = {0};
    enum err e = direct_message_read(c, row, &m);
    if (e == ERR_MALFORMED)
        return false;
    json_auto_t *line =
        json_pack("{s:O, s:O, s:O}", "id", json_object_get(row, "id"), "posted_at",
                  json_object_get(row, "posted_at"), "sender", json_object_get(row, "sender"));
    if (e == OK) {
        json_t *text = json_stringn((const char *)m.text.p, m.text.len);
        (void)json_object_set_new(line, "session_id", json_string(account_id_text(&m.author).s));
        (void)json_object_set_new(line, "text", text != NULL ? text : json_null());
    }
    (void)json_object_set_new(line, "verified", json_boolean(e == OK));
    tool_print(line);
    return true;
}

int tool_inbox(const struct tool *t, struct community *c)
{
    json_auto_t *rows = NULL;
    size_t i;
    const json_t *row;
    (void)t;
    enum err e = community_mail(c, MAIL_INBOX, 0, &rows);
    if (e != OK)
        return tool_tell(c, e);
    json_array_foreach(rows, i, row)
    {
        if (!print_row(c, row))
            return tool_refused("the server sent a row that is no direct message", 0);
    }
    return TOOL_DONE;
}
