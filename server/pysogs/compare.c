/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our rows are read back through the export, opened, and added up as the rows of the old server
 * were when they were taken.
 */
#include "pysogs/compare.h"

#include "base/clock.h"
#include "pysogs/export.h"

static enum err sum_ours(struct import *im)
{
    struct export ex = {.db = im->db,
                        .ring = im->ring,
                        .folder = -1,
                        .now = (double)im->now_ms / SECOND_MS,
                        .sums = im->ours};
    enum err e = target_open_sum(&ex.target);
    if (e == OK)
        e = giving_open(im->db);
    if (e == OK)
        e = export_run(&ex);
    target_close(ex.target);
    return e;
}

enum err compare_rows(struct import *im)
{
    enum err e = sum_ours(im);
    for (size_t i = 0; e == OK && i < GIVING_COUNT; i++)
        if (!digest_equal(&im->old[i], &im->ours[i]) && im->changed == 0)
            e = import_fail(export_name((enum giving)i),
                            "what was taken over is not what the old server has; this is a defect "
                            "of conclave: please report it");
    return e;
}

enum err compare_source(struct import *im)
{
    int64_t state = 0;
    enum err e = source_again(im->source);
    if (e == OK)
        e = source_state(im->source, &state);
    if (e == OK && state == im->state)
        return OK;
    return import_fail("the old server", e == OK || e == ERR_CONFLICT
                                             ? "its database was written to while it was read: "
                                               "stop it first"
                                             : "its database was lost at the last look at it");
}
