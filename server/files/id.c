/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text form of content hashes, and the JSON that upload, info and renewal share.
 */
#include "files/id.h"

#include "base/base64.h"
#include "router/json_out.h"

bool file_id_read(struct span text, struct file_hash *ret_hash)
{
    uint8_t decoded[FILE_ID_CHARS];
    size_t len = 0;
    if (text.len != FILE_ID_CHARS || base64url_read(text, decoded, &len) != OK ||
        len != sizeof(ret_hash->b))
        return false;
    memcpy(ret_hash->b, decoded, sizeof(ret_hash->b));
    return true;
}

void file_id_write(const struct file_hash *hash, char out[static FILE_ID_CHARS])
{
    (void)base64url_write(SPAN_OF_KEY(hash), out);
}

enum err file_id_write_info(struct reply *reply, const struct file_hash *hash, int64_t size,
                            double uploaded, double expiry)
{
    struct buf *out = reply_json(reply, 200);
    json_out_open(out, '{');
    if (hash != NULL) {
        char id[FILE_ID_CHARS];
        file_id_write(hash, id);
        json_out_key(out, "id");
        json_out_text(out, span_of(id, sizeof(id)));
    }
    json_out_key(out, "size");
    buf_put_i64(out, size);
    json_out_key(out, "uploaded");
    json_out_double(out, uploaded);
    json_out_key(out, "expires");
    json_out_double(out, expiry);
    json_out_close(out, '}');
    return buf_verdict(out);
}
