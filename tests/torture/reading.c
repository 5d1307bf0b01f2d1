/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading as clients do, through a server; what lies in the database is looked at in check.c.
 */
#include "torture/reading.h"

#include <stdio.h>

#include "base/mem.h"
#include "client/file_client.h"

enum { PAGE_ROWS = 256, TEXT_BYTES = 40, TARGET_BYTES = 128, FILE_MAX_BYTES = 1 << 20 };

/* Which post a row is, and which edit of it. False: not one of ours. */
static bool post_of(const struct message *m, uint32_t *ret_n, unsigned *ret_edit)
{
    char text[TEXT_BYTES] = {0};
    unsigned n = 0;
    if (!m->readable || m->content.text.len >= sizeof(text))
        return false;
    memcpy(text, m->content.text.p, m->content.text.len);
    if (sscanf(text, "torture %u edit %u", &n, ret_edit) != 2)
        return false;
    *ret_n = n;
    return true;
}

static void take_row(struct person *p, uint8_t room, const json_t *row, struct cursor *at,
                     bool final)
{
    struct message m AUTO_MESSAGE = {0};
    uint32_t n = 0;
    struct found found = {.room = room};
    if (message_read(row, &m) != OK) {
        ledger_complain(p->ledger, "room %u shows a row that cannot be read after number %lld",
                        (unsigned)room, (long long)at->seqno);
        return;
    }
    if (m.seqno <= at->seqno)
        ledger_complain(p->ledger, "room %u: number %lld follows on %lld", (unsigned)room,
                        (long long)m.seqno, (long long)at->seqno);
    at->seqno = m.seqno;
    if (m.kind != MESSAGE_POST)
        return;
    if (!m.verified || !post_of(&m, &n, &found.edits)) {
        ledger_complain(p->ledger, "room %u shows message %lld, which is no post of ours",
                        (unsigned)room, (long long)m.id);
        return;
    }
    found.id = m.id;
    found.reactions = (unsigned)json_object_size(json_object_get(row, "reactions"));
    ledger_post_seen(p->ledger, n, &found, final);
}

enum err reading_on(struct person *p, size_t server, uint8_t room, struct cursor *at, bool final)
{
    for (;;) {
        json_auto_t *rows = NULL;
        enum err e = community_since(&p->at[server].community, torture_rooms[room], at->seqno,
                                     PAGE_ROWS, &rows);
        if (e != OK)
            return e;
        size_t i;
        const json_t *row;
        json_array_foreach(rows, i, row)
        {
            take_row(p, room, row, at, final);
        }
        if (json_array_size(rows) == 0)
            return OK;
    }
}

/* Appends the content; *ret_code 0: nobody answered. */
static enum err fetch(struct person *p, size_t server, const struct upload *u, struct buf *out,
                      int *ret_code)
{
    if (u->post == UINT32_MAX)
        return file_client_get(p->at[server].link, u->id, out, ret_code);
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    char target[TARGET_BYTES];
    const struct post post = ledger_post(p->ledger, u->post);
    const struct community_request request = {
        .method = "GET", .target = target, .signing = SIGNED_BLINDED};
    (void)snprintf(target, sizeof(target), "/room/%s/file/%lld", torture_rooms[post.room],
                   (long long)u->number);
    enum err e = community_call(&p->at[server].community, &request, &reply);
    if (e != OK)
        return e;
    *ret_code = reply.code;
    buf_put(out, reply.body);
    return buf_verdict(out);
}

enum err reading_file(struct person *p, size_t server, uint32_t n)
{
    struct upload u = ledger_upload(p->ledger, n);
    AUTO_BUF struct buf got = buf_make(FILE_MAX_BYTES);
    int code = 0;
    enum err e = fetch(p, server, &u, &got, &code);
    if (code == 503)
        return ERR_BUSY;
    if (code != 200) {
        if (code != 0)
            ledger_complain(p->ledger, "upload %u was acknowledged and is answered %d", (unsigned)n,
                            code);
        return e == OK ? ERR_MISSING : e;
    }
    uint8_t *sent = mem_alloc(u.size);
    if (sent == NULL)
        return ERR_NO_MEMORY;
    ledger_content(p->ledger, n, sent, u.size);
    if (got.len != u.size || memcmp(got.p, sent, u.size) != 0)
        ledger_complain(p->ledger, "upload %u comes back as something else", (unsigned)n);
    mem_free(sent);
    return OK;
}

enum err reading_gone(struct person *p, size_t server, uint32_t n)
{
    struct upload u = ledger_upload(p->ledger, n);
    AUTO_BUF struct buf got = buf_make(FILE_MAX_BYTES);
    int code = 0;
    enum err e = fetch(p, server, &u, &got, &code);
    if (code == 200)
        ledger_complain(p->ledger, "upload %u outlived its time", (unsigned)n);
    return code == 0 || code == 503 ? e : OK;
}
