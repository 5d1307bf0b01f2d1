/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The jobs: one that fails keeps no other from its turn, and what replays are known by stays as
 * long as a replay could come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "crypto/keys.h"
#include "integration/database.h"
#include "jobs/jobs.h"
#include "metrics/metrics.h"
#include "store/nonces.h"
#include "store/ring.h"

enum { WITHIN_MS = 15 * SECOND_MS };

static struct database database;
static struct conf *conf;
static struct db *db;

static int64_t expired_dms(void)
{
    return database_number(db, "SELECT count(*) FROM conclave.direct_messages");
}

/* What was scheduled comes first in a turn, direct messages behind it. */
static void job__that_fails__keeps_no_other_from_its_turn(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct jobs *jobs = NULL;
    database_run(db, "INSERT INTO conclave.users (session_id, created_hour, last_active_hour)"
                     " VALUES ('\\x15ab' || decode(repeat('00', 31), 'hex'), 0, 0);"
                     "INSERT INTO conclave.direct_messages"
                     "       (id, sender, recipient, posted_at, expires_at, key_id, body)"
                     " SELECT 1, id, id, 0, 1, 1, decode(repeat('00', 40), 'hex')"
                     "   FROM conclave.users LIMIT 1;"
                     "INSERT INTO conclave.ban_futures (user_id, at, banned)"
                     " SELECT id, 0, false FROM conclave.users LIMIT 1;"
                     "CREATE FUNCTION conclave.boom() RETURNS trigger LANGUAGE plpgsql AS"
                     " $$ BEGIN RAISE division_by_zero; END $$;"
                     "CREATE TRIGGER boom BEFORE DELETE OR UPDATE ON conclave.ban_futures"
                     " FOR EACH STATEMENT EXECUTE FUNCTION conclave.boom()");
    assert_int_equal(expired_dms(), 1);
    static const uint8_t storage_key[32];
    struct ring *ring = NULL;
    assert_int_equal(ring_new(storage_key, &ring), OK);
    assert_int_equal(jobs_start(conf, metrics, ring, 0, &jobs), OK);
    for (int64_t until_ms = clock_mono_ms() + WITHIN_MS; expired_dms() > 0;) {
        assert_true(clock_mono_ms() < until_ms);
        (void)poll(NULL, 0, 50);
    }
    /* It did fail: called by itself it says so. */
    struct db *other = database_connect(&database);
    assert_int_not_equal(jobs_apply_futures(other, clock_wall_ms()), OK);
    db_free(other);
    jobs_stop(jobs);
    ring_free(ring);
    metrics_free(metrics);
}

static int64_t run_nonces_jobs(int64_t now_ms)
{
    assert_int_equal(jobs_make_partitions(conf, db, now_ms), OK);
    assert_int_equal(jobs_drop_nonces(db, now_ms), OK);
    return database_number(db, "SELECT count(*) FROM conclave.nonces");
}

/* A timestamp is accepted for a day: its nonce must be known at least until then. */
static void nonces__of_yesterday_and_tomorrow__outlive_the_job(void **state)
{
    (void)state;
    const int64_t now_ms = clock_wall_ms(), today = now_ms / DAY_MS;
    struct nonce_key nonces[3];
    assert_int_equal(jobs_make_partitions(conf, db, now_ms), OK);
    for (int64_t i = 0; i < 3; i++) {
        nonces[i] = (struct nonce_key){.signed_s = (today - 1 + i) * (DAY_MS / SECOND_MS),
                                       .b = {(uint8_t)(i + 1)}};
        assert_int_equal(nonces_claim(db, &nonces[i]), OK);
    }
    assert_int_equal(run_nonces_jobs(now_ms), 3);
    /* Also at the end of the day, and when the job comes first after midnight. */
    assert_int_equal(run_nonces_jobs((today + 1) * DAY_MS - 1), 3);
    for (size_t i = 0; i < COUNT_OF(nonces); i++)
        assert_int_equal(nonces_claim(db, &nonces[i]), ERR_TOO_EARLY);
    assert_in_range(run_nonces_jobs((today + 1) * DAY_MS), 2, 3);
    for (size_t i = 1; i < COUNT_OF(nonces); i++)
        assert_int_equal(nonces_claim(db, &nonces[i]), ERR_TOO_EARLY);
    /* And they do go in the end. */
    assert_int_equal(run_nonces_jobs((today + 9) * DAY_MS), 0);
}

static int start(void **state)
{
    (void)state;
    AUTO_BUF struct buf problems = buf_make(KIB(8));
    database_start(&database);
    database_renew(&database);
    db = database_connect(&database);
    if (crypto_start() != OK || setenv("CONCLAVE_DATABASE_URL", database.url, 1) != 0)
        return -1;
    return conf_load(NULL, &conf, &problems) == OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    db_free(db);
    conf_free(conf);
    database_stop(&database);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonces__of_yesterday_and_tomorrow__outlive_the_job),
        cmocka_unit_test(job__that_fails__keeps_no_other_from_its_turn),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
