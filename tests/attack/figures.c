/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "attack/figures.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

enum { PAGE_MAX_BYTES = 1 << 20, LINE_MAX_BYTES = 512 };

static const char first[] = "<!-- figures: make attack ARGS=--write -->\n";
static const char last[] = "<!-- end of figures -->\n";

static void put_processor(FILE *table)
{
    char line[LINE_MAX_BYTES] = "";
    FILE *f = fopen("/proc/cpuinfo", "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "model name", 10) == 0)
            break;
    if (f != NULL)
        (void)fclose(f);
    const char *name = strstr(line, ": ");
    line[strcspn(line, "\n")] = '\0';
    (void)fprintf(table, "%ld cores (%s)", sysconf(_SC_NPROCESSORS_ONLN),
                  name != NULL ? name + 2 : "unknown");
}

void figures_begin(FILE *table, int seconds)
{
    double load = 0;
    put_processor(table);
    if (getloadavg(&load, 1) == 1)
        (void)fprintf(table, ", %.1f other processes busy at the start", load);
    (void)fprintf(
        table,
        "; %d s quiet and %d s of each attack. Times are members' medians and 99th\n"
        "percentiles in milliseconds; lost are requests answered 5xx, with another refusal, or "
        "not.\n\n"
        "| | attack | bytes/s | quiet | attacked | lost | |\n"
        "|---|---|---|---|---|---|---|\n",
        seconds, seconds);
}

static bool read_all(FILE *f, struct buf *out)
{
    char piece[4096];
    rewind(f);
    for (size_t n = 1; n > 0;) {
        n = fread(piece, 1, sizeof(piece), f);
        buf_put(out, span_of(piece, n));
    }
    return ferror(f) == 0 && buf_verdict(out) == OK;
}

bool figures_write(FILE *table)
{
    struct buf page AUTO_BUF = buf_make(PAGE_MAX_BYTES), rows AUTO_BUF = buf_make(PAGE_MAX_BYTES);
    FILE *f = fopen(FIGURES_PATH, "re");
    bool fine = f != NULL && read_all(f, &page) && read_all(table, &rows);
    if (f != NULL)
        (void)fclose(f);
    if (!fine)
        return false;
    const char *text = (const char *)page.p;
    const char *from = memmem(text, page.len, first, sizeof(first) - 1);
    const char *to = memmem(text, page.len, last, sizeof(last) - 1);
    if (from == NULL || to == NULL || to < from)
        return false;
    from += sizeof(first) - 1;
    f = fopen(FIGURES_PATH, "we");
    if (f == NULL)
        return false;
    fine = fwrite(text, 1, (size_t)(from - text), f) > 0 && fwrite(rows.p, 1, rows.len, f) > 0 &&
           fwrite(to, 1, page.len - (size_t)(to - text), f) > 0;
    return fclose(f) == 0 && fine;
}
