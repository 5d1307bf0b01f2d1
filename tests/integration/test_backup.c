/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test-timeout-s: 180
 *
 * `conclave backup` and `conclave restore` with people in between: what was there comes back byte
 * for byte, and whoever saw more than the backup knows misses nothing of what is written after it
 * was restored. What goes wrong: test_restore_refused.c, test_backup_ends.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/community_dms.h"
#include "client/file_client.h"
#include "client/room_file.h"
#include "integration/command.h"
#include "integration/file_fixture.h"
#include "integration/talk.h"
#include "integration/world_settings.h"

enum { ANA, BEN, CARL, PEOPLE };
enum { FILE_BYTES = 3000000, BEFORE = 40, MORE = 25, URL_MAX = 200 };

static const char *const settings[] = {"CONCLAVE_ROOMS_POST_LIMIT=off",
                                       "CONCLAVE_FILES_TYPE_CHECK=off", NULL};
static struct talk talk;
static struct said said;

static const char *in_folder(const char *name)
{
    static char path[WORLD_PATH_MAX + 32];
    (void)snprintf(path, sizeof(path), "%s/%s", talk.w.folder, name);
    return path;
}

static int open_talk(void **state)
{
    (void)state;
    talk_open(&talk, 1, PEOPLE, settings);
    talk_appoint(&talk, ANA, NULL, "--admin");
    return 0;
}

static int close_talk(void **state)
{
    (void)state;
    talk_close(&talk);
    return 0;
}

static void stop(void)
{
    assert_int_equal(world_stop_server(&talk.w, 0), 0);
}

static void start(void)
{
    assert_int_equal(world_restart_server(&talk.w, 0, NULL), OK);
    for (size_t i = 0; i < PEOPLE; i++) {
        /* The same people as before, with all that they remember, over new connections. */
        struct community kept = talk.members[i].community;
        struct member fresh;
        assert_int_equal(member_open(&talk.w, i, 0, false, &fresh), OK);
        fresh.community.inbox_seen = kept.inbox_seen;
        fresh.community.outbox_seen = kept.outbox_seen;
        member_close(&talk.members[i]);
        talk.members[i] = fresh;
    }
}

static int64_t send_dm(size_t from, size_t to, const char *text)
{
    json_auto_t *sent = NULL;
    assert_int_equal(community_dm(&talk.members[from].community,
                                  &talk.members[to].community.blinded.id, text, &sent),
                     OK);
    return talk_int(sent, "id");
}

static void expect_dm(size_t who, int64_t since, const char *text)
{
    json_auto_t *rows = NULL;
    struct direct_message dm AUTO_DIRECT_MESSAGE = {0};
    assert_int_equal(community_mail(&talk.members[who].community, MAIL_INBOX, since, &rows), OK);
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(
        direct_message_read(&talk.members[who].community, json_array_get(rows, 0), &dm), OK);
    assert_true(span_eq_text(dm.text, text));
}

/* Room files and files of the file-server half. */
struct files {
    struct buf body;
    int64_t room_file;
    struct file_ticket ticket;
};

static struct files put_files(void)
{
    struct files f = {.body = file_random(FILE_BYTES)};
    int code = 0;
    assert_int_equal(
        room_file_put(&talk.members[ANA].community, "lobby", buf_span(&f.body), NULL, &f.room_file),
        OK);
    assert_int_equal(file_client_put(talk.members[ANA].link, buf_span(&f.body), &f.ticket, &code),
                     OK);
    return f;
}

static void expect_files(const struct files *f)
{
    AUTO_BUF struct buf out = buf_make(FILE_BYTES + 1);
    struct room_file_info info;
    int code = 0;
    assert_int_equal(room_file_get(&talk.members[BEN].community, "lobby", f->room_file,
                                   SIGNED_BLINDED, &out, &info),
                     OK);
    assert_true(span_eq(buf_span(&out), buf_span(&f->body)));
    buf_reset(&out);
    assert_int_equal(file_client_get(talk.members[BEN].link, f->ticket.id, &out, &code), OK);
    assert_true(span_eq(buf_span(&out), buf_span(&f->body)));
}

/* Posts for as long as the backup takes; how many. */
static size_t post_during(const char *path)
{
    char program[512];
    struct world_settings env;
    struct process p;
    int status = 0;
    size_t posted = 0;
    (void)snprintf(program, sizeof(program), "%s/conclave", talk.w.build);
    const char *argv[] = {program, "backup", "--output", path, NULL};
    assert_int_equal(world_settings(&talk.w, 0, NULL, &env), OK);
    const struct process_spec spec = {
        .argv = argv, .env = env.env, .err_path = talk.w.servers[0].log_path};
    assert_int_equal(process_start(&spec, &p), OK);
    while (process_running(&p, &status)) {
        (void)talk_post(&talk, BEN, "lobby", "during the backup");
        posted++;
    }
    assert_int_equal(status, 0);
    return posted;
}

/* What the rows say, but not in which order the database keeps them. */
static json_t *rows_up_to(size_t who, int64_t sequence)
{
    json_t *all = json_array();
    for (int64_t since = 0; since < sequence;) {
        json_auto_t *rows =
            talk_get(&talk, who, "/room/lobby/messages/since/%lld?limit=256", (long long)since);
        size_t i;
        json_t *row;
        assert_true(json_array_size(rows) > 0);
        json_array_foreach(rows, i, row)
        {
            since = talk_int(row, "seqno");
            if (since <= sequence)
                assert_int_equal(json_array_append(all, row), 0);
        }
    }
    return all;
}

static void backup__while_people_post__brings_everything_back_into_an_empty_database(void **state)
{
    (void)state;
    struct stat info;
    int64_t first = 0;
    for (int i = 0; i < BEFORE; i++)
        first = talk_post(&talk, ANA, "lobby", "words to be kept");
    talk_edit(&talk, ANA, "lobby", first, "other words");
    (void)talk_react(&talk, BEN, "lobby", first, "\xf0\x9f\x91\x8d");
    json_decref(talk_do(&talk, ANA, "POST", "/room/lobby/pin/%lld", (long long)first));
    struct files files = put_files();
    (void)send_dm(ANA, BEN, "for ben alone");
    int64_t sequence = talk_sequence(&talk, ANA, "lobby");
    json_auto_t *before = rows_up_to(CARL, sequence);

    const char *path = in_folder("first.dump");
    size_t during = post_during(path);
    print_message("%zu posts while the backup was made\n", during);
    assert_true(during > 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);

    stop();
    /* Another database of the same cluster: empty, without even our schema. */
    file_sql(&talk.w, "CREATE DATABASE other");
    char *name = strstr(talk.w.database_url, "/conclave?");
    assert_non_null(name);
    memmove(name + 7, name + 10, strlen(name + 10) + 1);
    memcpy(name, "/other?", 7);
    command_expect(&talk.w, NULL, ARGS("restore", in_folder("first.dump")), 0,
                   "Restored. Rooms: 1. Newest message: 20", &said);
    assert_null(strstr(said.out, "more than two days old"));
    command_expect(&talk.w, NULL, ARGS("check"), 0, "in order", &said);
    start();

    json_auto_t *after = rows_up_to(CARL, sequence);
    assert_true(json_array_size(before) >= BEFORE);
    assert_true(json_equal(before, after));
    expect_files(&files);
    expect_dm(BEN, 0, "for ben alone");
    json_auto_t *room = talk_get(&talk, ANA, "/room/lobby");
    const json_t *pins = json_object_get(room, "pinned_messages");
    assert_int_equal(talk_int(json_array_get(pins, 0), "id"), first);
    assert_true(json_is_true(json_object_get(room, "global_admin")));
    buf_done(&files.body);
}

/* What a client remembers. */
struct memory {
    struct room_view view;
    int64_t message, file; /* highest ids */
};

static void catch_up(size_t who, struct memory *m)
{
    json_auto_t *batch = NULL;
    json_auto_t *rows = NULL;
    assert_int_equal(community_poll(&talk.members[who].community, POLL_IOS, &m->view, 1, &batch),
                     OK);
    assert_int_equal(community_recent(&talk.members[who].community, "lobby", 1, &rows), OK);
    m->message = talk_int(json_array_get(rows, 0), "id");
}

/* Written between backup and crash: seen by Ben, and lost. */
static void write_what_will_be_lost(int64_t kept, struct memory *ben)
{
    for (int i = 0; i < MORE; i++)
        talk_edit(&talk, ANA, "lobby", talk_post(&talk, ANA, "lobby", "lost"), "lost anyway");
    (void)talk_react(&talk, CARL, "lobby", kept, "\xf0\x9f\x98\x80");
    talk_command(&talk, ARGS("room", "set", "lobby", "--description", "lost too"));
    for (int i = 0; i < MORE; i++)
        (void)send_dm(ANA, BEN, "lost mail");
    struct files files = put_files();
    ben->file = files.room_file;
    buf_done(&files.body);
}

static void expect_news(const struct memory *ben, int64_t posted, int64_t reacted, int64_t deleted)
{
    json_auto_t *rows = talk_get(&talk, BEN, "/room/lobby/messages/since/%lld?t=r&limit=256",
                                 (long long)ben->view.seqno);
    assert_int_equal(json_array_size(rows), 3);
    const json_t *post = talk_row(rows, posted);
    assert_non_null(post);
    assert_non_null(json_object_get(post, "data"));
    assert_non_null(json_object_get(talk_row(rows, reacted), "reactions"));
    const json_t *tomb = talk_row(rows, deleted);
    assert_true(json_is_true(json_object_get(tomb, "deleted")) ||
                json_is_null(json_object_get(tomb, "data")));
}

static void client__that_saw_more_than_the_backup__gets_everything_written_afterwards(void **state)
{
    (void)state;
    struct memory ben = {.view = {.token = "lobby"}};
    int64_t kept = talk_post(&talk, ANA, "lobby", "kept");
    int64_t doomed = talk_post(&talk, ANA, "lobby", "to be deleted later");
    (void)send_dm(ANA, BEN, "kept mail");
    file_sql(&talk.w, "UPDATE conclave.server SET trusted_s = trusted_s - 3 * 86400");
    const char *path = in_folder("second.dump");
    command_expect(&talk.w, NULL, ARGS("backup", "--output", path), 0, "storage.key", &said);

    write_what_will_be_lost(kept, &ben);
    catch_up(BEN, &ben);
    assert_true(talk.members[BEN].community.inbox_seen > 0);
    int64_t seen_dm = talk.members[BEN].community.inbox_seen;

    stop();
    command_expect(&talk.w, NULL, ARGS("restore", in_folder("second.dump"), "--replace", "--yes"),
                   0, "are 100000000 higher", &said);
    assert_non_null(strstr(said.out, "more than two days old"));
    start();
    json_auto_t *nothing =
        talk_get(&talk, BEN, "/room/lobby/messages/since/%lld?t=r", (long long)ben.view.seqno);
    assert_int_equal(json_array_size(nothing), 0);

    int64_t posted = talk_post(&talk, CARL, "lobby", "after the restore");
    (void)talk_react(&talk, CARL, "lobby", kept, "\xf0\x9f\x98\x80");
    talk_delete(&talk, ANA, "lobby", doomed);
    int64_t dm = send_dm(CARL, BEN, "new mail");
    struct files files = put_files();

    assert_true(posted > ben.message);
    assert_true(files.room_file > ben.file);
    assert_true(dm > seen_dm);
    expect_news(&ben, posted, kept, doomed);
    expect_dm(BEN, seen_dm, "new mail");
    /* And by the polls of both kinds of clients, which ask for the room by its counter. */
    int64_t info_before = ben.view.info_updates;
    catch_up(BEN, &ben);
    assert_int_equal(ben.message, posted);
    assert_true(ben.view.info_updates > info_before);
    assert_true(ben.view.seqno >= talk_sequence(&talk, BEN, "lobby"));
    assert_int_equal(talk.members[BEN].community.inbox_seen, dm);
    buf_done(&files.body);
}

/* The same data as before its backup, so only the numbers and who asks for them differ. */
static void restored_database__backed_up_and_restored_again__is_raised_again(void **state)
{
    (void)state;
    int64_t before = talk_sequence(&talk, ANA, "lobby");
    command_expect(&talk.w, NULL, ARGS("backup", "--output", in_folder("third.dump")), 0, NULL,
                   &said);
    stop();
    command_expect(
        &talk.w, NULL,
        ARGS("restore", in_folder("third.dump"), "--replace", "--yes", "--margin", "5000"), 0,
        "are 5000 higher", &said);
    start();
    assert_int_equal(talk_sequence(&talk, ANA, "lobby"), before + 5000);
    assert_int_equal(file_number(&talk.w, "SELECT last_value FROM conclave.messages_id_seq") >
                         file_number(&talk.w, "SELECT max(id) + 5000 FROM conclave.messages"),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backup__while_people_post__brings_everything_back_into_an_empty_database),
        cmocka_unit_test(client__that_saw_more_than_the_backup__gets_everything_written_afterwards),
        cmocka_unit_test(restored_database__backed_up_and_restored_again__is_raised_again),
    };
    return cmocka_run_group_tests(tests, open_talk, close_talk);
}
