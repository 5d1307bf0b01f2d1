/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading as clients do, through a server; what lies in the database is looked at in check.c.
 */
#include "torture/reading.h"

#include <stdio.h>

#include "base/mem.h"
#include "client/file_client.h"

enum { PAGE_ROWS = 256, TEXT_BYTES = 40, FILE_MAX_BYTES = 1 << 20 };

/* The number of the post that a row is. False: not one of ours. */
static bool post_of(const struct message *m, uint32_t *ret_n)
{
    char text[TEXT_BYTES] = {0};
    unsigned n = 0;
    if (!m->readable || m->content.text.len >= sizeof(text))
        return false;
    memcpy(text, m->content.text.p, m->content.text.len);
    if (sscanf(text, "torture %u", &n) != 1)
        return false;
    *ret_n = n;
    return true;
}

static void take_row(struct person *p, uint8_t room, const json_t *row, struct cursor *at,
                     bool final)
{
    struct message m AUTO_MESSAGE = {0};
    uint32_t n = 0;
    if (message_read(row, &m) != OK || !m.verified || !post_of(&m, &n)) {
        ledger_complain(p->ledger, "room %u shows a row that is no post of ours after number %lld",
                        (unsigned)room, (long long)at->seqno);
        return;
    }
    /* Only posts draw numbers here, so a reader sees every number, once, in order. */
    if (m.seqno != at->seqno + 1)
        ledger_complain(p->ledger, "room %u: number %lld follows on %lld", (unsigned)room,
                        (long long)m.seqno, (long long)at->seqno);
    at->seqno = m.seqno;
    const struct post found = {.room = room, .id = m.id, .seqno = m.seqno};
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
        if (json_array_size(rows) < PAGE_ROWS)
            return OK;
    }
}

enum err reading_file(struct person *p, size_t server, uint32_t n)
{
    struct upload u = ledger_upload(p->ledger, n);
    AUTO_BUF struct buf got = buf_make(FILE_MAX_BYTES);
    int code = 0;
    enum err e = file_client_get(p->at[server].link, u.id, &got, &code);
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
    enum err e = file_client_get(p->at[server].link, u.id, &got, &code);
    if (code == 200)
        ledger_complain(p->ledger, "upload %u outlived its time", (unsigned)n);
    return code == 0 || code == 503 ? e : OK;
}
