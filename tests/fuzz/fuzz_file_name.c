/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content-Disposition as uploads bring it, ids of files, and an operator's list of types. Whatever
 * name is read is one that a file may have, and is sent to readers so that they read the same.
 */
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/utf8.h"
#include "files/header.h"
#include "files/id.h"
#include "files/sniff.h"

enum { NAME_MAX_BYTES = 255, LEAST_BYTES = 3 };

static void read_name(struct span value, size_t max)
{
    struct span name = {0}, again = {0};
    AUTO_ARENA struct arena *mem = arena_new(FUZZ_ARENA_BYTES);
    HOLDS(mem != NULL);
    if (header_name_read(mem, value, max, &name) != OK)
        return;
    HOLDS(name.len <= max && utf8_valid(name));
    HOLDS(span_find(name, '\0') == name.len && span_find(name, '/') == name.len);
    struct span written = header_name_write(mem, name);
    HOLDS(written.len > 0 && span_find(written, '\n') == written.len &&
          span_find(written, '\r') == written.len);
    HOLDS(header_name_read(mem, written, max, &again) == OK);
    HOLDS(span_eq(name, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes copy = fuzz_copy(data, size);
    struct span text = span_of_bytes(copy);
    struct file_hash hash;
    read_name(text, NAME_MAX_BYTES);
    read_name(text, LEAST_BYTES);
    if (file_id_read(text, &hash)) {
        char written[FILE_ID_CHARS];
        file_id_write(&hash, written);
        HOLDS(size == FILE_ID_CHARS);
        HOLDS(span_eq(text, span_of(written, sizeof(written))));
    }
    (void)sniff_list_ok(text);
    (void)sniff_is_listed(text, "image/png");
    free(copy.p);
    return 0;
}
