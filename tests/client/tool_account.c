/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of conclave-client about accounts.
 */
#include <jansson.h>

#include "base/hex.h"
#include "client/blinding.h"
#include "client/tool.h"

static int show(const struct tool *t, const struct account *a)
{
    struct x25519_pub server;
    json_auto_t *line = json_pack("{s:s}", "session_id", account_id_text(&a->id).s);
    if (t->key != NULL) {
        struct blinded b;
        if (hex_read(span_of_text(t->key), server.b, sizeof(server.b)) != OK)
            return tool_usage("--key wants 64 hex digits");
        if (blinding_15(a, &server, &b) != OK)
            return tool_refused("this server key cannot be blinded for", 0);
        (void)json_object_set_new(line, "blinded_id", json_string(account_id_text(&b.id).s));
        blinding_done(&b);
    }
    tool_print(line);
    return TOOL_DONE;
}

int tool_account_new(const struct tool *t)
{
    struct account a AUTO_ACCOUNT = {0};
    if (t->account == NULL)
        return tool_usage("--account FILE is needed");
    if (account_new(&a) != OK)
        return tool_refused("no account could be made", 0);
    enum err e = account_save(&a, t->account);
    if (e == ERR_CONFLICT)
        return tool_refused("the account file exists already", 0);
    if (e != OK)
        return tool_refused("the account file cannot be written", 0);
    return show(t, &a);
}

int tool_account_show(const struct tool *t)
{
    struct account a AUTO_ACCOUNT = {0};
    if (t->account == NULL)
        return tool_usage("--account FILE is needed");
    if (account_load(t->account, &a) != OK)
        return tool_refused("the account file cannot be read", 0);
    return show(t, &a);
}
