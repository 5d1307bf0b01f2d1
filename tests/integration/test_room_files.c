/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of rooms through a real server: up, down, names, limits, who may, and how long they stay.
 *
 * test-seconds: 20
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "integration/file_fixture.h"

enum { JOB_TURN_MS = 30000, MAX_BYTES = 10223616, HOUR_S = 3600 };

static struct world world;
static struct member ana, ben;

static int open_all(void **state)
{
    (void)state;
    struct world_options options = {.servers = 1, .relays = 3, .accounts = 2, .no_fsync = true};
    file_world_open(&world, &options);
    ana = file_world_member(&world, 0);
    ben = file_world_member(&world, 1);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    member_close(&ana);
    member_close(&ben);
    return world_close(&world) ? 0 : -1;
}

static int64_t put(struct member *m, struct span file, const char *disposition)
{
    int64_t id = 0;
    enum err e = room_file_put(&m->community, "lobby", file, disposition, &id);
    if (e != OK)
        fail_msg("upload: %s, code %d: %s", err_name(e), m->community.refusal.code,
                 m->community.refusal.text);
    return id;
}

/* 0, or the code with which the upload was refused. */
static int put_refused(struct member *m, const char *room, struct span file)
{
    int64_t id = 0;
    enum err e = room_file_put(&m->community, room, file, NULL, &id);
    return e == ERR_DENIED ? m->community.refusal.code : 0;
}

/* A room just made by a command is seen by the server within a second: until then it is 404. */
static int64_t put_soon(struct member *m, const char *room, struct span file)
{
    int64_t deadline = clock_mono_ms() + 2000, id = 0;
    enum err e = room_file_put(&m->community, room, file, NULL, &id);
    while (e == ERR_DENIED && m->community.refusal.code == 404 && clock_mono_ms() < deadline)
        e = room_file_put(&m->community, room, file, NULL, &id);
    assert_int_equal(e, OK);
    return id;
}

/* 0, or the code with which the download was refused. */
static int get_refused(struct member *m, const char *room, int64_t id)
{
    AUTO_BUF struct buf out = buf_make(MAX_BYTES + 1);
    enum err e = room_file_get(&m->community, room, id, SIGNED_BLINDED, &out, NULL);
    return e == ERR_DENIED ? m->community.refusal.code : 0;
}

static void check_bytes(struct member *m, int64_t id, struct span wanted)
{
    AUTO_BUF struct buf out = buf_make(MAX_BYTES + 1);
    assert_int_equal(room_file_get(&m->community, "lobby", id, SIGNED_BLINDED, &out, NULL), OK);
    assert_true(span_eq(buf_span(&out), wanted));
}

static void room_file__of_every_size__comes_back_byte_for_byte(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,      1,      4096,   32785,  65536,
                                   262143, 262144, 262145, 524288, MAX_BYTES};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        AUTO_BUF struct buf file = file_random(sizes[i]);
        check_bytes(&ben, put(&ana, buf_span(&file), NULL), buf_span(&file));
    }
}

static void room_file__one_byte_too_large__is_413(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(MAX_BYTES + 1);
    double refused = file_metric(&world, "conclave_uploads_refused_total{reason=\"too_large\"}");
    int64_t before = file_number(&world, "SELECT count(*) FROM files");
    assert_int_equal(put_refused(&ana, "lobby", buf_span(&file)), 413);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM files"), before);
    assert_true(file_metric(&world, "conclave_uploads_refused_total{reason=\"too_large\"}") >
                refused);
}

static time_t read_date(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    assert_non_null(end);
    assert_string_equal(end, "");
    return timegm(&tm);
}

static void room_file__with_emoji_in_its_name__tells_name_upload_time_and_end(void **state)
{
    (void)state;
    char disposition[ROOM_FILE_HEADER_MAX];
    struct room_file_info info;
    AUTO_BUF struct buf file = file_random(100), out = buf_make(1000);
    assert_int_equal(room_file_disposition("\xf0\x9f\x8d\x8d a/b.png", disposition), OK);
    int64_t before_s = clock_wall_ms() / SECOND_MS;
    int64_t id = put(&ana, buf_span(&file), disposition);
    int64_t after_s = clock_wall_ms() / SECOND_MS;
    assert_int_equal(room_file_get(&ben.community, "lobby", id, SIGNED_BLINDED, &out, &info), OK);
    assert_string_equal(info.disposition,
                        "attachment; filename*=UTF-8''%F0%9F%8D%8D%20a%EF%BF%BDb.png");
    assert_in_range(read_date(info.date), before_s, after_s);
    assert_int_equal(read_date(info.expires), read_date(info.date) + HOUR_S);
}

static void room_file__without_a_name__is_plain_attachment(void **state)
{
    (void)state;
    struct room_file_info info;
    AUTO_BUF struct buf file = file_random(100), out = buf_make(1000);
    int64_t id = put(&ana, buf_span(&file), "attachment");
    assert_int_equal(room_file_get(&ben.community, "lobby", id, UNSIGNED, &out, &info), OK);
    assert_string_equal(info.disposition, "attachment");
    id = put(&ana, buf_span(&file), "attachment; filename=\"plain \\\"x\\\".txt\"");
    buf_reset(&out);
    assert_int_equal(room_file_get(&ben.community, "lobby", id, UNSIGNED, &out, &info), OK);
    assert_string_equal(info.disposition, "attachment; filename*=UTF-8''plain%20%22x%22.txt");
}

static void room_file__path_with_its_name_behind__is_the_same_file(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(5000);
    char target[128];
    (void)snprintf(target, sizeof(target), "/room/LOBBY/file/%lld/some%%20name.png",
                   (long long)put(&ana, buf_span(&file), NULL));
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct community_request request = {
        .method = "GET", .target = target, .signing = SIGNED_BLINDED};
    assert_int_equal(community_call(&ben.community, &request, &reply), OK);
    assert_int_equal(reply.code, 200);
    assert_true(span_eq(reply.body, buf_span(&file)));
}

static void room_file__unknown_or_of_another_room__is_404(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(100);
    int64_t id = put(&ana, buf_span(&file), NULL);
    assert_int_equal(
        file_command(&world, (const char *[]){"room", "add", "other", "--name", "Other", NULL}), 0);
    assert_int_equal(get_refused(&ben, "other", id), 404);
    assert_int_equal(get_refused(&ben, "lobby", id + 1000000), 404);
    assert_int_equal(get_refused(&ben, "nowhere", id), 404);
    assert_int_equal(get_refused(&ben, "lobby", id), 0);
}

static void room_file__without_right_to_upload__is_403_and_401_without_a_user(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(100);
    static const char *const room_add[] = {"room", "add", "quiet", "--name", "Quiet", NULL};
    static const char *const room_set[] = {"room", "set", "quiet", "--upload", "no", NULL};
    static const char *const unreadable[] = {"room", "set", "quiet", "--read", "no", NULL};
    assert_int_equal(file_command(&world, room_add), 0);
    int64_t id = put_soon(&ana, "quiet", buf_span(&file));
    assert_int_equal(file_command(&world, room_set), 0);
    int64_t deadline = clock_mono_ms() + 2000;
    while (put_refused(&ana, "quiet", buf_span(&file)) == 0 && clock_mono_ms() < deadline)
        continue;
    assert_int_equal(put_refused(&ana, "quiet", buf_span(&file)), 403);
    struct onion_reply reply AUTO_ONION_REPLY = {0};
    struct community_request request = {.method = "POST",
                                        .target = "/room/lobby/file",
                                        .body = buf_span(&file),
                                        .signing = UNSIGNED};
    assert_int_equal(community_call(&ana.community, &request, &reply), OK);
    assert_int_equal(reply.code, 401);
    assert_int_equal(get_refused(&ben, "quiet", id), 0);
    assert_int_equal(file_command(&world, unreadable), 0);
    deadline = clock_mono_ms() + 2000;
    while (get_refused(&ben, "quiet", id) == 0 && clock_mono_ms() < deadline)
        continue;
    assert_int_equal(get_refused(&ben, "quiet", id), 403);
}

static void room_file__as_base64_in_a_batch__is_stored_the_same(void **state)
{
    (void)state;
    /*
     * Through relays as much as a storage node carries; straight to the server all of statement 22.
     */
    static const struct {
        size_t size;
        bool relays;
    } cases[] = {{100, false}, {7500000, true}, {10000000, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct member m = {0};
        int64_t id = 0;
        AUTO_BUF struct buf file = file_random(cases[i].size);
        assert_int_equal(member_open(&world, 0, 0, cases[i].relays, &m), OK);
        enum err e = room_file_put_in_batch(&m.community, "lobby", buf_span(&file), NULL, &id);
        if (e != OK)
            fail_msg("%zu bytes: %s, code %d", cases[i].size, err_name(e),
                     m.community.refusal.code);
        check_bytes(&ben, id, buf_span(&file));
        member_close(&m);
    }
}

static void room_file__downloaded_in_a_batch__is_base64_with_its_headers(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(300000), text = buf_make(1000000);
    int64_t id = put(&ana, buf_span(&file), "attachment; filename=x.bin");
    char path[64];
    (void)snprintf(path, sizeof(path), "/room/lobby/file/%lld", (long long)id);
    json_auto_t *batch = json_pack("[{s:s, s:s}]", "method", "GET", "path", path);
    json_auto_t *replies = NULL;
    struct community_request request = {
        .method = "POST", .target = "/batch", .json = batch, .signing = SIGNED_BLINDED};
    assert_int_equal(community_json(&ben.community, &request, &replies), OK);
    const json_t *element = json_array_get(replies, 0);
    assert_int_equal(json_integer_value(json_object_get(element, "code")), 200);
    assert_string_equal(json_string_value(json_object_get(json_object_get(element, "headers"),
                                                          "content-disposition")),
                        "attachment; filename*=UTF-8''x.bin");
    buf_put_base64(&text, buf_span(&file));
    const json_t *body = json_object_get(element, "body");
    assert_true(
        span_eq(span_of(json_string_value(body), json_string_length(body)), buf_span(&text)));
}

static void room_file__not_adopted_within_an_hour__is_404_and_goes_with_its_chunks(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(600000);
    int64_t id = put(&ana, buf_span(&file), NULL);
    assert_int_equal(get_refused(&ben, "lobby", id), 0);
    file_age(&world, HOUR_S - 5);
    assert_int_equal(get_refused(&ben, "lobby", id), 0);
    file_age(&world, 5);
    assert_int_equal(get_refused(&ben, "lobby", id), 404);
    assert_true(file_wait_number(&world, "SELECT count(*) FROM files", 0, JOB_TURN_MS));
    assert_int_equal(file_number(&world, "SELECT count(*) FROM blobs"), 0);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM chunks"), 0);
    assert_int_equal(file_number(&world, "SELECT bytes FROM file_usage"), 0);
    assert_int_equal(file_number(&world, "SELECT sum(bytes)::bigint FROM room_storage"), 0);
}

static void room_file__at_rest__shows_neither_bytes_nor_name(void **state)
{
    (void)state;
    static const char marked[] = "marked words that must not rest in clear, neither here nor there";
    (void)put(&ana, span_of_text(marked), "attachment; filename=\"marked words.txt\"");
    assert_int_equal(file_number(&world, "SELECT count(*) FROM files"
                                         " WHERE position('marked words'::bytea IN name) > 0"),
                     0);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM files WHERE name IS NOT NULL"), 1);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM chunks"
                                         " WHERE position('marked words'::bytea IN data) > 0"),
                     0);
    AUTO_BUF struct buf log = buf_make(MIB(16));
    assert_int_equal(world_log(&world, 0, &log), OK);
    assert_null(memmem(log.p, log.len, "marked words", 12));
}

static void room_file__in_a_deleted_room__is_gone_at_the_next_turn(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(300000);
    static const char *const room_add[] = {"room", "add", "brief", "--name", "Brief", NULL};
    static const char *const room_remove[] = {"room", "remove", "brief", "--yes", NULL};
    int64_t chunks = file_number(&world, "SELECT count(*) FROM chunks");
    assert_int_equal(file_command(&world, room_add), 0);
    (void)put_soon(&ana, "brief", buf_span(&file));
    assert_int_equal(file_number(&world, "SELECT count(*) FROM chunks"), chunks + 2);
    assert_int_equal(file_command(&world, room_remove), 0);
    assert_true(file_wait_number(&world, "SELECT count(*) FROM chunks", chunks, JOB_TURN_MS));
}

/* ---- an operator's rules ---- */

static int set_rule(const char *option, const char *value)
{
    return file_command(&world, (const char *[]){"room", "set", "lobby", option, value, NULL});
}

static void room_quota__reached__is_507_for_this_room_alone_until_files_go(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(100000);
    int64_t before = file_number(&world, "SELECT s.bytes FROM room_storage s"
                                         "  JOIN rooms r ON r.id = s.room AND r.token = 'lobby'");
    char quota[32];
    (void)snprintf(quota, sizeof(quota), "%lld", (long long)before + 150000);
    assert_int_equal(set_rule("--quota", quota), 0);
    (void)put(&ana, buf_span(&file), NULL);
    assert_int_equal(put_refused(&ana, "lobby", buf_span(&file)), 507);
    assert_true(file_metric(&world, "conclave_uploads_refused_total{reason=\"room_quota\"}") > 0);
    (void)put_soon(&ana, "other", buf_span(&file));
    char number[32];
    (void)snprintf(number, sizeof(number), "%lld",
                   (long long)file_number(&world, "SELECT max(f.id) FROM files f"
                                                  "  JOIN rooms r ON r.id = f.room"
                                                  " WHERE r.token = 'lobby'"));
    assert_int_equal(file_command(&world, (const char *[]){"file", "remove", number, NULL}), 0);
    (void)put(&ana, buf_span(&file), NULL);
    assert_int_equal(set_rule("--quota", "off"), 0);
    (void)put(&ana, buf_span(&file), NULL);
    assert_int_equal(set_rule("--quota", "much"), 2);
}

static void room_types__listed__refuse_all_others_with_415(void **state)
{
    (void)state;
    static const uint8_t png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\6\0\0\0";
    AUTO_BUF struct buf noise = file_random(5000);
    assert_int_equal(set_rule("--file-types", "image/,application/pdf"), 0);
    (void)put(&ana, span_of(png, sizeof(png)), NULL);
    (void)put(&ana, SPAN("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"), NULL);
    assert_int_equal(put_refused(&ana, "lobby", buf_span(&noise)), 415);
    assert_int_equal(put_refused(&ana, "lobby", SPAN("some words in clear, and some more")), 415);
    assert_int_equal(set_rule("--file-types", "everything"), 2);
    assert_int_equal(set_rule("--file-types", "any"), 0);
    (void)put(&ana, buf_span(&noise), NULL);
}

/* ---- conclave file ---- */

static void file_remove__of_a_room_file__takes_it_away_at_once(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(300000);
    char number[32];
    int64_t chunks = file_number(&world, "SELECT count(*) FROM chunks");
    int64_t id = put(&ana, buf_span(&file), NULL);
    (void)snprintf(number, sizeof(number), "%lld", (long long)id);
    assert_int_equal(file_command(&world, (const char *[]){"file", "remove", number, NULL}), 0);
    assert_int_equal(get_refused(&ben, "lobby", id), 404);
    assert_int_equal(file_number(&world, "SELECT count(*) FROM chunks"), chunks);
    assert_int_equal(file_command(&world, (const char *[]){"file", "remove", number, NULL}), 1);
    (void)put(&ana, buf_span(&file), NULL); /* it may come again */
}

static void file_block__of_a_room_file__refuses_its_content_in_both_halves(void **state)
{
    (void)state;
    AUTO_BUF struct buf file = file_random(300000), out = buf_make(4096);
    char number[32], id_text[FILE_ID_MAX + 1] = "";
    struct file_ticket ticket;
    struct server_link_options route = world_route(&world, 0, false);
    struct server_link *link AUTO_LINK = NULL;
    int status = -1, code = 0;
    int64_t id = put(&ana, buf_span(&file), NULL);
    (void)snprintf(number, sizeof(number), "%lld", (long long)id);
    assert_int_equal(
        world_conclave(&world, 0, (const char *[]){"file", "block", number, NULL}, &out, &status),
        OK);
    assert_int_equal(status, 0);
    assert_int_equal(get_refused(&ben, "lobby", id), 404);
    assert_int_equal(put_refused(&ana, "lobby", buf_span(&file)), 403);
    assert_int_equal(server_link_open(&route, &link), OK);
    assert_int_equal(file_client_put(link, buf_span(&file), &ticket, &code), ERR_DENIED);
    assert_int_equal(code, 403);
    assert_true(file_metric(&world, "conclave_uploads_refused_total{reason=\"blocked\"}") >= 2);
    assert_true(span_starts_with(buf_span(&out), SPAN("blocked ")));
    memcpy(id_text, out.p + 8, 44);
    assert_int_equal(file_command(&world, (const char *[]){"file", "unblock", id_text, NULL}), 0);
    assert_int_equal(file_client_put(link, buf_span(&file), &ticket, &code), OK);
    assert_string_equal(ticket.id, id_text);
    assert_int_equal(file_command(&world, (const char *[]){"file", "block", id_text, NULL}), 0);
    buf_reset(&out);
    assert_int_equal(file_client_get(link, id_text, &out, &code), ERR_MISSING);
    assert_int_equal(file_client_put(link, buf_span(&file), &ticket, &code), ERR_DENIED);
    assert_int_equal(file_command(&world, (const char *[]){"file", "unblock", id_text, NULL}), 0);
    assert_int_equal(file_command(&world, (const char *[]){"file", "block", "nonsense", NULL}), 2);
    assert_int_equal(file_command(&world, (const char *[]){"file", "--help", NULL}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_file__of_every_size__comes_back_byte_for_byte),
        cmocka_unit_test(room_file__one_byte_too_large__is_413),
        cmocka_unit_test(room_file__with_emoji_in_its_name__tells_name_upload_time_and_end),
        cmocka_unit_test(room_file__without_a_name__is_plain_attachment),
        cmocka_unit_test(room_file__path_with_its_name_behind__is_the_same_file),
        cmocka_unit_test(room_file__unknown_or_of_another_room__is_404),
        cmocka_unit_test(room_file__without_right_to_upload__is_403_and_401_without_a_user),
        cmocka_unit_test(room_file__as_base64_in_a_batch__is_stored_the_same),
        cmocka_unit_test(room_file__downloaded_in_a_batch__is_base64_with_its_headers),
        cmocka_unit_test(room_file__not_adopted_within_an_hour__is_404_and_goes_with_its_chunks),
        cmocka_unit_test(room_file__at_rest__shows_neither_bytes_nor_name),
        cmocka_unit_test(room_file__in_a_deleted_room__is_gone_at_the_next_turn),
        cmocka_unit_test(room_quota__reached__is_507_for_this_room_alone_until_files_go),
        cmocka_unit_test(room_types__listed__refuse_all_others_with_415),
        cmocka_unit_test(file_remove__of_a_room_file__takes_it_away_at_once),
        cmocka_unit_test(file_block__of_a_room_file__refuses_its_content_in_both_halves),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
