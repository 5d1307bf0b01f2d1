/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of conclave-client about files of rooms.
 */
#include "client/community_client.h"
#include "client/room_file.h"
#include "client/tool.h"

/* The last segment of a path, as the name that others see. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

int tool_upload(const struct tool *t, struct community *c)
{
    char disposition[ROOM_FILE_HEADER_MAX];
    struct buf file AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    int64_t id = 0;
    if (tool_read_file(t->words[2], &file) != OK)
        return tool_refused("the file cannot be read, or is too large", 0);
    if (room_file_disposition(name_of(t->words[2]), disposition) != OK)
        return tool_refused("the file's name is too long", 0);
    enum err e = room_file_put(c, t->words[1], buf_span(&file), disposition, &id);
    if (e != OK)
        return tool_tell(c, e);
    json_auto_t *line = json_pack("{s:I, s:I}", "id", (json_int_t)id, "size", (json_int_t)file.len);
    tool_print(line);
    return TOOL_DONE;
}

int tool_download(const struct tool *t, struct community *c)
{
    struct room_file_info info;
    struct buf file AUTO_BUF = buf_make(ONION_BUFFER_MAX_BYTES);
    int64_t id = 0;
    if (span_to_i64(span_of_text(t->words[2]), &id) != OK)
        return tool_usage("a file's ID is a number");
    enum err e = room_file_get(c, t->words[1], id, SIGNED_BLINDED, &file, &info);
    if (e != OK)
        return tool_tell(c, e);
    if (!tool_write_file(t->words[3], buf_span(&file)))
        return tool_refused("the output file cannot be written", 0);
    json_auto_t *line =
        json_pack("{s:s, s:I, s:s, s:s}", "file", t->words[3], "size", (json_int_t)file.len,
                  "uploaded", info.date, "disposition", info.disposition);
    if (info.expires[0] != '\0')
        (void)json_object_set_new(line, "expires", json_string(info.expires));
    tool_print(line);
    return TOOL_DONE;
}
