/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings from an INI file, split into lines here and parsed by inih. We hand it the lines
 * ourselves, because then we know the number of each, see the section headers, and refuse a line
 * that its buffer would cut.
 */
#include "conf/conf_load.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <unistd.h>

enum {
    FILE_MAX_BYTES = 256 * 1024,
    LINE_MAX_BYTES = 8 * 1024, /* hundreds of admins on one line */
};

struct file {
    struct loading *load;
    const char *path;
    struct span rest; /* what inih has not asked for yet */
    uint64_t line;
    bool *key_seen;     /* per row of the table */
    bool *section_seen; /* per row, set at the first row of a section */
};

/* "path:12: " and, if there is one, the sentence. */
static void put_place(const struct file *f, struct buf *out)
{
    buf_put_text(out, f->path);
    buf_put_byte(out, ':');
    buf_put_u64(out, f->line);
}

static void refuse(struct file *f, const char *sentence)
{
    put_place(f, f->load->problems);
    buf_put_text(f->load->problems, sentence);
    f->load->refused = true;
}

/* The first row of a section, or count when there is no such section. */
static size_t section_row(struct span section, const struct setting *table, size_t count)
{
    size_t i = 0;
    while (i < count && !span_eq_text(section, table[i].section))
        i++;
    return i;
}

/*
 * inih tells us of sections only together with their keys: so an empty or repeated one is judged by
 * its header line.
 */
static void note_header(struct file *f, struct span line)
{
    while (line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
        line = span_skip(line, 1);
    if (line.len == 0 || line.p[0] != '[')
        return;
    line = span_skip(line, 1);
    size_t count = 0;
    const struct setting *table = conf_table(&count);
    size_t end = span_find(line, ']');
    size_t row = section_row(span_first(line, end), table, count);
    if (end == line.len)
        return; /* no bracket: inih reports the line */
    if (row == count)
        refuse(f, ": there is no such section.\n");
    else if (f->section_seen[row])
        refuse(f, ": this section stands in the file twice.\n");
    else
        f->section_seen[row] = true;
}

/*
 * inih's reader: the next line, with its end, NUL-terminated in str[num]; NULL at the end of the
 * file.
 */
static char *next_line(char *str, int num, void *stream)
{
    struct file *f = stream;
    if (f->rest.len == 0)
        return NULL;
    size_t end = span_find(f->rest, '\n');
    struct span line = span_first(f->rest, end);
    f->rest = span_skip(f->rest, end + 1);
    f->line++;
    if (line.len + 2 > (size_t)num) {
        refuse(f, ": this line is too long.\n");
        line.len = 0;
    }
    note_header(f, line);
    memcpy(str, line.p, line.len);
    str[line.len] = '\n';
    str[line.len + 1] = '\0';
    return str;
}

/* inih's handler. Always "success": a bad value has its sentence already. */
static int on_value(void *user, const char *section, const char *key, const char *value)
{
    struct file *f = user;
    size_t count = 0;
    const struct setting *table = conf_table(&count);
    if (section[0] == '\0') {
        refuse(f, ": a setting stands before the first [section].\n");
        return 1;
    }
    if (section_row(span_of_text(section), table, count) == count)
        return 1; /* its header was refused */
    const struct setting *s = conf_load_find(span_of_text(section), span_of_text(key));
    if (s == NULL) {
        refuse(f, ": there is no such setting in [");
        buf_put_text(f->load->problems, section);
        buf_put_text(f->load->problems, "].\n");
        return 1;
    }
    AUTO_BUF struct buf where = buf_make(KIB(8));
    put_place(f, &where);
    buf_put_text(&where, ": [");
    buf_put_text(&where, s->section);
    buf_put_text(&where, "] ");
    buf_put_text(&where, s->key);
    buf_put_byte(&where, '\0');
    if (buf_verdict(&where) != OK) {
        f->load->no_memory = true;
    } else if (f->key_seen[s - table]) {
        buf_put_text(f->load->problems, (const char *)where.p);
        buf_put_text(f->load->problems, " is set twice.\n");
        f->load->refused = true;
    } else {
        f->key_seen[s - table] = true;
        conf_load_value(f->load, (const char *)where.p, s, span_of_text(value));
    }
    return 1;
}

static void fd_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* The whole file. */
static enum err slurp(const char *path, struct buf *text)
{
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return ERR_MISSING;
    for (;;) {
        uint8_t *to = buf_reserve(text, KIB(4));
        if (to == NULL)
            return buf_verdict(text);
        ssize_t n = read(fd, to, KIB(4));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_MISSING; /* a folder, for one */
        if (n == 0)
            return OK;
        buf_commit(text, (size_t)n);
    }
}

enum err conf_file_read(struct loading *load, const char *path)
{
    AUTO_BUF struct buf text = buf_make(FILE_MAX_BYTES);
    enum err e = slurp(path, &text);
    if (e != OK)
        return e;
    size_t count = 0;
    (void)conf_table(&count);
    struct file f = {.load = load, .path = path, .rest = buf_span(&text)};
    f.key_seen = ARENA_ARRAY(load->conf->mem, count, bool);
    f.section_seen = ARENA_ARRAY(load->conf->mem, count, bool);
    if (f.key_seen == NULL || f.section_seen == NULL)
        return ERR_NO_MEMORY;
    if (span_starts_with(f.rest, SPAN("\xef\xbb\xbf")))
        f.rest = span_skip(f.rest, 3); /* the mark some editors put in front */
    if (span_find(f.rest, '\0') != f.rest.len) {
        f.line = 1;
        refuse(&f, ": this is no text file.\n");
        return OK;
    }
    ini_max_line = LINE_MAX_BYTES;
    ini_allow_multiline =
        false; /* an indented line is a setting of its own, not more of the one above */
    int bad_line = ini_parse_stream(next_line, &f, on_value, &f);
    if (bad_line < 0)
        return ERR_NO_MEMORY;
    if (bad_line > 0) {
        f.line = (uint64_t)bad_line;
        refuse(&f, ": neither [section] nor key = value.\n");
    }
    return OK;
}
