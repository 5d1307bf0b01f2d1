/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading posts and edits. Rights and content are judged elsewhere; here is what is well-formed.
 */
#include "community/post_in.h"

#include "router/json_in.h"

/* An id as an integer or as decimal text: clients send text. */
static bool read_file_id(const json_t *value, int64_t *ret_id)
{
    if (json_is_integer(value)) {
        *ret_id = json_integer_value(value);
        return *ret_id >= 0;
    }
    struct span text = span_of(json_string_value(value), json_string_length(value));
    return json_is_string(value) && span_to_i64(text, ret_id) == OK;
}

/*
 * Ids that cannot be adopted are passed over later; what is no id, or too many of them, is refused.
 */
static enum err read_files(struct call *call, const struct json_in *in, struct post_in *post)
{
    const json_t *files = json_object_get(in->root, "files");
    if (!files || json_is_null(files))
        return OK;
    size_t count = json_array_size(files);
    if (!json_is_array(files) || count > WRITE_FILES_MAX)
        return ERR_MALFORMED;
    int64_t *ids = ARENA_ARRAY(call->mem, count, int64_t);
    if (!ids)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (!read_file_id(json_array_get(files, i), &ids[i]))
            return ERR_MALFORMED;
    post->files = ids;
    post->file_count = count;
    return OK;
}

static void read_whisper(struct json_in *in, struct post_in *post)
{
    struct span to = json_text_or(in, "whisper_to", (struct span){0});
    post->whisper_mods = json_bool_or(in, "whisper_mods", false);
    post->has_whisper_to = to.p != NULL;
    if (post->has_whisper_to && session_id_read(to, &post->whisper_to) != OK)
        in->failed = true;
    post->whisper = post->has_whisper_to || post->whisper_mods;
}

enum err post_read(struct call *call, bool with_whisper, struct post_in *ret_post)
{
    if (!request_is_json(call->req))
        return ERR_MALFORMED;
    AUTO_JSON struct json_in in = json_in_object(call->mem, call->req->body);
    struct post_in post = {.data = json_base64(&in, "data"),
                           .signature = json_base64(&in, "signature")};
    if (with_whisper)
        read_whisper(&in, &post);
    if (!json_ok(&in))
        return ERR_MALFORMED;
    enum err e = read_files(call, &in, &post);
    if (e == OK)
        *ret_post = post;
    return e;
}
