/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which daily partitions must exist, and which are over. Dropping a day costs nothing however many
 * rows it had, which is why nonces and chunks are stored by day (docs/design.md, D5 and D6).
 */
#include "base/clock.h"
#include "conf/conf.h"
#include "jobs/jobs.h"
#include "store/file_jobs.h"
#include "store/nonces.h"

enum {
    /*
     * A timestamp is accepted within 24 h of now, so a nonce's day is yesterday, today or tomorrow.
     * One day more on each side: clocks of processes differ, and a job may come late.
     */
    NONCE_DAYS_BEFORE = 2,
    NONCE_DAYS_AHEAD = 3,
    CHUNK_DAYS_AHEAD = 3,
};

enum err jobs_make_partitions(const struct conf *conf, struct db *db, int64_t now_ms)
{
    int64_t today = now_ms / DAY_MS;
    enum err e = nonces_make_days(db, today - NONCE_DAYS_BEFORE, today + NONCE_DAYS_AHEAD);
    if (e != OK)
        return e;
    /*
     * A chunk's day is that of the upload plus the normal lifetime of its kind; a wish (X-FS-TTL)
     * may be shorter, and what lives longer is moved when its day is due.
     */
    int64_t longest_ms = conf->files.default_ttl_ms > conf->files.room_ttl_ms
                             ? conf->files.default_ttl_ms
                             : conf->files.room_ttl_ms;
    return file_jobs_partitions(db, today, today + longest_ms / DAY_MS + CHUNK_DAYS_AHEAD);
}

enum err jobs_drop_nonces(struct db *db, int64_t now_ms)
{
    return nonces_drop_days(db, now_ms / DAY_MS - NONCE_DAYS_BEFORE);
}
