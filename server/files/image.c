/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a file may become the picture of its room: asked when the picture is set, because clients
 * upload it like any other file (docs/protocol/files.md, 4.5).
 */
#include "base/clock.h"
#include "files/blob.h"
#include "files/files.h"
#include "files/limits.h"
#include "files/sniff.h"
#include "state/state.h"

enum err files_check_room_image(struct call *call, int64_t file_id)
{
    struct blob_ref ref = {.room = state_room_id(call->room), .file = file_id};
    struct file_row file;
    char type[SNIFF_TYPE_MAX];
    if (!call->db)
        return ERR_RETRY;
    AUTO_BUF struct buf beginning = buf_make(SNIFF_BYTES);
    enum err e = blob_stat(call->db, call->services->ring, &ref, NULL,
                           (double)call->now_ms / SECOND_MS, &file);
    if (e == OK)
        e = blob_beginning(call->db, call->services->ring, &ref, &file, &beginning);
    if (e != OK)
        return e;
    sniffer_type(files_sniffer(call->services->files), buf_span(&beginning), type);
    return sniff_is_room_image(type) ? OK : ERR_DENIED;
}
