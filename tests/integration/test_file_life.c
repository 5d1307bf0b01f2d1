/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a room's file through real requests: waiting, adopted, pinned, let go, deleted; and
 * pictures of rooms, which must be pictures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "client/room_file.h"
#include "integration/cast.h"
#include "unit/sniff_samples.h"

enum { ADMIN, ANA, BEN, HOUR_S = 3600, ROOM_TTL_S = 15 * 86400, SLACK_S = 5 };

static struct cast c;

static int open_all(void **state)
{
    (void)state;
    static const char *const env[] = {"CONCLAVE_FILES_UPLOAD_LIMIT=off",
                                      "CONCLAVE_ROOMS_POST_LIMIT=off", NULL};
    cast_open(&c, 1, 3, env);
    assert_int_equal(command(&c, "mod add %s --room lobby --admin", id15(&c, ADMIN)), 0);
    assert_int_equal(command(&c, "room add other --name Other"), 0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    cast_close(&c);
    return 0;
}

static int64_t upload(size_t who, const char *room, struct span bytes)
{
    int64_t id = 0;
    assert_int_equal(room_file_put(&c.members[who].community, room, bytes, NULL, &id), OK);
    return id;
}

/* Posts with these files; returns the message's id. */
static int64_t post_with(size_t who, json_t *files)
{
    json_auto_t *body = community_post_body(&c.members[who].community, "with files");
    (void)json_object_set_new(body, "files", files);
    char *text = json_dumps(body, JSON_COMPACT);
    json_auto_t *row = must(&c.members[who], "POST", text, "/room/lobby/message");
    free(text);
    return json_integer_value(json_object_get(row, "id"));
}

/* Seconds from upload to end as the download tells them; -1: no end; -2: not there. */
static int64_t life_of(int64_t file)
{
    struct room_file_info info;
    struct tm uploaded = {0}, ends = {0};
    struct buf out AUTO_BUF = buf_make(MIB(1));
    enum err e =
        room_file_get(&c.members[BEN].community, "lobby", file, SIGNED_BLINDED, &out, &info);
    if (e == ERR_DENIED && c.members[BEN].community.refusal.code == 404)
        return -2;
    assert_int_equal(e, OK);
    assert_non_null(strptime(info.date, "%a, %d %b %Y %H:%M:%S GMT", &uploaded));
    if (info.expires[0] == '\0')
        return -1;
    assert_non_null(strptime(info.expires, "%a, %d %b %Y %H:%M:%S GMT", &ends));
    return timegm(&ends) - timegm(&uploaded);
}

static void assert_life(int64_t file, int64_t seconds)
{
    assert_in_range(life_of(file), seconds - SLACK_S, seconds + SLACK_S);
}

static void file__adopted_pinned_unpinned_deleted__lives_as_long_as_each_says(void **state)
{
    (void)state;
    int64_t file = upload(ANA, "lobby", SPAN("a file of some words, for a message"));
    assert_life(file, HOUR_S);
    int64_t message = post_with(ANA, json_pack("[I]", (json_int_t)file));
    assert_life(file, ROOM_TTL_S);
    json_decref(must(&c.members[ADMIN], "POST", NULL, "/room/lobby/pin/%lld", (long long)message));
    assert_int_equal(life_of(file), -1);
    json_decref(
        must(&c.members[ADMIN], "POST", NULL, "/room/lobby/unpin/%lld", (long long)message));
    assert_life(file, ROOM_TTL_S);
    json_decref(
        must(&c.members[ANA], "DELETE", NULL, "/room/lobby/message/%lld", (long long)message));
    assert_int_equal(life_of(file), -2);
}

static void post__naming_files_that_it_may_not_have__succeeds_and_adopts_only_its_own(void **state)
{
    (void)state;
    char text[32];
    int64_t own = upload(ANA, "lobby", SPAN("own, by text"));
    int64_t of_ben = upload(BEN, "lobby", SPAN("of ben"));
    int64_t elsewhere = upload(ANA, "other", SPAN("in another room"));
    int64_t taken = upload(ANA, "lobby", SPAN("of another message"));
    int64_t old = upload(ANA, "lobby", SPAN("too old"));
    int64_t first = post_with(ANA, json_pack("[I]", (json_int_t)taken));
    sql(&c, "UPDATE conclave.files SET uploaded = uploaded - 3601 WHERE id = %lld", (long long)old);
    (void)snprintf(text, sizeof(text), "%lld", (long long)own);
    int64_t second =
        post_with(ANA, json_pack("[s, I, I, I, I]", text, (json_int_t)of_ben, (json_int_t)elsewhere,
                                 (json_int_t)taken, (json_int_t)old));
    assert_life(own, ROOM_TTL_S);
    assert_life(of_ben, HOUR_S);
    assert_int_equal(
        sql_number(&c, "SELECT message FROM conclave.files WHERE id = %lld", (long long)own),
        second);
    assert_int_equal(
        sql_number(&c, "SELECT message FROM conclave.files WHERE id = %lld", (long long)taken),
        first);
    assert_int_equal(sql_number(&c,
                                "SELECT count(*) FROM conclave.files"
                                " WHERE id IN (%lld, %lld, %lld) AND message IS NULL",
                                (long long)of_ben, (long long)elsewhere, (long long)old),
                     3);
}

static int set_image(int64_t file)
{
    char body[64];
    (void)snprintf(body, sizeof(body), "{\"image\":%lld}", (long long)file);
    return ask(&c.members[ADMIN], "PUT", body, NULL, "/room/lobby");
}

static int64_t image_of_room(void)
{
    json_auto_t *room = room_of(&c.members[BEN], "lobby");
    return json_integer_value(json_object_get(room, "image_id"));
}

static void room_image__that_is_no_image__is_406_and_the_old_one_stays(void **state)
{
    (void)state;
    int64_t last = 0;
    for (size_t i = 0; i < 4; i++) { /* PNG, JPEG, GIF, WebP stand first */
        struct buf image AUTO_BUF = buf_make(SAMPLE_MAX_BYTES);
        sniff_sample_put(&sniff_samples[i], &image);
        last = upload(ADMIN, "lobby", buf_span(&image));
        assert_int_equal(set_image(last), 200);
        assert_int_equal(image_of_room(), last);
        assert_int_equal(life_of(last), -1);
    }
    for (size_t i = 4; i < SAMPLES; i++) {
        struct buf other AUTO_BUF = buf_make(SAMPLE_MAX_BYTES);
        sniff_sample_put(&sniff_samples[i], &other);
        assert_int_equal(set_image(upload(ADMIN, "lobby", buf_span(&other))), 406);
    }
    assert_int_equal(set_image(upload(ADMIN, "lobby", (struct span){NULL, 0})), 406);
    assert_int_equal(image_of_room(), last);
    assert_int_equal(life_of(last), -1);
    /* The same again does not make it expire. */
    assert_int_equal(set_image(last), 200);
    assert_int_equal(life_of(last), -1);
}

static void room_image__removed_by_the_operator__is_no_longer_told(void **state)
{
    (void)state;
    struct buf image AUTO_BUF = buf_make(SAMPLE_MAX_BYTES);
    sniff_sample_put(&sniff_samples[0], &image);
    int64_t file = upload(ADMIN, "lobby", buf_span(&image));
    assert_int_equal(set_image(file), 200);
    assert_int_equal(image_of_room(), file);
    int64_t before = info_updates(&c.members[BEN], "lobby");
    assert_int_equal(command(&c, "file remove %lld", (long long)file), 0);
    int64_t deadline = clock_mono_ms() + 2000;
    while (image_of_room() != 0)
        assert_true(clock_mono_ms() < deadline);
    assert_int_equal(info_updates(&c.members[BEN], "lobby"), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file__adopted_pinned_unpinned_deleted__lives_as_long_as_each_says),
        cmocka_unit_test(post__naming_files_that_it_may_not_have__succeeds_and_adopts_only_its_own),
        cmocka_unit_test(room_image__that_is_no_image__is_406_and_the_old_one_stays),
        cmocka_unit_test(room_image__removed_by_the_operator__is_no_longer_told),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
