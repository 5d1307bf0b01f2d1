/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plain Markdown, short enough to be kept in docs/.
 */
#include "torture/report.h"

#include <inttypes.h>

#include "base/clock.h"

static void write_kills(FILE *out, const struct torture_result *r)
{
    (void)fprintf(out, "| killed with SIGKILL | times |\n|---|---|\n");
    for (size_t i = 0; i < KILL_KINDS; i++)
        (void)fprintf(out, "| %s | %u |\n", kill_names[i], (unsigned)r->kills[i]);
    (void)fprintf(out,
                  "\nUntil both servers took posts again: %.1f s on average, %.1f s at most.\n\n",
                  r->kills_done == 0 ? 0 : (double)r->recovery_sum_ms / r->kills_done / SECOND_MS,
                  (double)r->recovery_max_ms / SECOND_MS);
}

static void write_fates(FILE *out, const struct torture_result *r)
{
    static const char *const words[FATES] = {
        [FATE_OPEN] = "never answered",
        [FATE_DONE] = "acknowledged",
        [FATE_CLAIMED] = "answered by nobody; the same bytes, sent again, were told \"replayed\"",
        [FATE_MAYBE] = "busy, or given up",
        [FATE_REFUSED] = "refused",
    };
    (void)fprintf(out, "| what became of it | posts | uploads |\n|---|---|---|\n");
    for (size_t i = FATE_DONE; i < FATES; i++)
        (void)fprintf(out, "| %s | %zu | %zu |\n", words[i], r->sums.posts[i], r->sums.uploads[i]);
    (void)fprintf(out,
                  "\nChanges acknowledged (and uncertain): %zu edits (%zu), %zu deletions (%zu), "
                  "%zu reactions (%zu).\n",
                  r->sums.changes[CHANGE_EDIT], r->sums.maybe_changes[CHANGE_EDIT],
                  r->sums.changes[CHANGE_DELETE], r->sums.maybe_changes[CHANGE_DELETE],
                  r->sums.changes[CHANGE_REACT], r->sums.maybe_changes[CHANGE_REACT]);
    (void)fprintf(
        out,
        "\nIn the end the rooms showed %zu posts (%zu and %zu); the database held %" PRId64
        " live messages, %" PRId64 " nonces and %" PRId64 " contents of files.\n\n",
        r->sums.posts_there, r->sums.posts_per_room[0], r->sums.posts_per_room[1], r->messages,
        r->nonces, r->blobs);
}

void report_write(FILE *out, const struct torture_options *options, const struct torture_result *r,
                  const struct ledger *ledger)
{
    (void)fprintf(out,
                  "commit %s, seed %" PRIu64 ": %u kills, %" PRId64 " s under load, %" PRId64
                  " s in all\n\n",
                  options->commit != NULL ? options->commit : "(not told)", options->seed,
                  (unsigned)r->kills_done, r->load_ms / SECOND_MS, r->whole_ms / SECOND_MS);
    write_kills(out, r);
    if (r->jumps > 0)
        (void)fprintf(out,
                      "The clock of the second server jumped %u times, between two days back and "
                      "forty days ahead.\n\n",
                      (unsigned)r->jumps);
    write_fates(out, r);
    if (r->complaints == 0) {
        (void)fprintf(out,
                      "Nothing acknowledged was lost, nothing happened twice, no number was given "
                      "twice, nothing was left behind.\n");
        return;
    }
    (void)fprintf(out, "%zu complaints:\n\n", r->complaints);
    for (size_t i = 0; ledger_complaint(ledger, i) != NULL; i++)
        (void)fprintf(out, "- %s\n", ledger_complaint(ledger, i));
}
