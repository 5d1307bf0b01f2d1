/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Named counters and gauges, and their Prometheus text. Sums over everybody: no label is ever made
 * of what a caller sent, and none names a room or a person.
 *
 * To add one: one line in METRIC_TABLE. Those that share a name stand next to each other and differ
 * in their label.
 */
#ifndef CONCLAVE_METRICS_METRICS_H
#define CONCLAVE_METRICS_METRICS_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/* clang-format off */
/* X(enum constant, name, type, label or "", help) */
#define METRIC_TABLE(X)                                                                                                \
    X(METRIC_REQUESTS, "conclave_requests_total", COUNTER, "", "Onion requests received.")                             \
    X(METRIC_REFUSED_NOT_FOUND, "conclave_requests_refused_total", COUNTER, "reason=\"not_found\"",                    \
      "Exchanges refused at the outer HTTP layer.")                                                                    \
    X(METRIC_REFUSED_UNDECRYPTABLE, "conclave_requests_refused_total", COUNTER, "reason=\"undecryptable\"", "")        \
    X(METRIC_REFUSED_TOO_LARGE, "conclave_requests_refused_total", COUNTER, "reason=\"too_large\"", "")                \
    X(METRIC_REFUSED_BUSY, "conclave_requests_refused_total", COUNTER, "reason=\"busy\"", "")                          \
    X(METRIC_REFUSED_DEADLINE, "conclave_requests_refused_total", COUNTER, "reason=\"deadline\"", "")                  \
    X(METRIC_REPLIES_2XX, "conclave_replies_total", COUNTER, "class=\"2xx\"", "Sealed replies by their inner status.") \
    X(METRIC_REPLIES_3XX, "conclave_replies_total", COUNTER, "class=\"3xx\"", "")                                      \
    X(METRIC_REPLIES_4XX, "conclave_replies_total", COUNTER, "class=\"4xx\"", "")                                      \
    X(METRIC_REPLIES_5XX, "conclave_replies_total", COUNTER, "class=\"5xx\"", "")                                      \
    X(METRIC_SQL_REQUEST, "conclave_sql_statements_total", COUNTER, "origin=\"request\"",                              \
      "Statements sent to the database, by who asked.")                                                                \
    X(METRIC_SQL_WRITER, "conclave_sql_statements_total", COUNTER, "origin=\"writer\"", "")                            \
    X(METRIC_SQL_REFRESH, "conclave_sql_statements_total", COUNTER, "origin=\"refresh\"", "")                          \
    X(METRIC_SQL_JOB, "conclave_sql_statements_total", COUNTER, "origin=\"job\"", "")                                  \
    X(METRIC_SQL_COMMAND, "conclave_sql_statements_total", COUNTER, "origin=\"command\"", "")                          \
    X(METRIC_SQL_PROBE, "conclave_sql_statements_total", COUNTER, "origin=\"probe\"", "")                            \
    X(METRIC_BATCH_COMMITS, "conclave_batch_commits_total", COUNTER, "", "Commits of the batch writer.")               \
    X(METRIC_POSTS, "conclave_posts_total", COUNTER, "", "Messages accepted.")                                         \
    X(METRIC_POSTS_REPEATED, "conclave_posts_repeated_total", COUNTER, "",                                             \
      "Posts sent again that were answered with what the first one became.")                                           \
    X(METRIC_EDITS, "conclave_edits_total", COUNTER, "", "Edits accepted.")                                            \
    X(METRIC_DELETIONS, "conclave_deletions_total", COUNTER, "", "Messages deleted by people.")                        \
    X(METRIC_REACTIONS, "conclave_reactions_total", COUNTER, "", "Reactions added or removed.")                        \
    X(METRIC_POSTS_FILTERED, "conclave_posts_filtered_total", COUNTER, "", "Posts and edits stopped by a filter.")        \
    X(METRIC_UPLOADS, "conclave_uploads_total", COUNTER, "", "Files accepted.")                                        \
    X(METRIC_UPLOADS_TOO_LARGE, "conclave_uploads_refused_total", COUNTER, "reason=\"too_large\"",                       \
      "Files refused.")                                                                                                \
    X(METRIC_UPLOADS_BAD_TTL, "conclave_uploads_refused_total", COUNTER, "reason=\"bad_ttl\"", "")                     \
    X(METRIC_UPLOADS_OFF, "conclave_uploads_refused_total", COUNTER, "reason=\"off\"", "")                             \
    X(METRIC_UPLOADS_TOO_OFTEN, "conclave_uploads_refused_total", COUNTER, "reason=\"too_often\"", "")                 \
    X(METRIC_UPLOADS_DISK_FULL, "conclave_uploads_refused_total", COUNTER, "reason=\"disk_full\"", "")                 \
    X(METRIC_UPLOADS_QUOTA, "conclave_uploads_refused_total", COUNTER, "reason=\"quota\"", "")                         \
    X(METRIC_UPLOADS_ROOM_QUOTA, "conclave_uploads_refused_total", COUNTER, "reason=\"room_quota\"", "")               \
    X(METRIC_UPLOADS_TYPE, "conclave_uploads_refused_total", COUNTER, "reason=\"type\"", "")                           \
    X(METRIC_UPLOADS_BLOCKED, "conclave_uploads_refused_total", COUNTER, "reason=\"blocked\"", "")                     \
    X(METRIC_UPLOADS_BUSY, "conclave_uploads_refused_total", COUNTER, "reason=\"busy\"", "")                           \
    X(METRIC_UPLOADS_PLAIN, "conclave_uploads_plain_total", COUNTER, "",                                               \
      "Files for the file server that were visibly not encrypted, refused or not ([files] type_check).")               \
    X(METRIC_DOWNLOADS, "conclave_downloads_total", COUNTER, "", "Files sent.")                                        \
    X(METRIC_NOTIFY_RECEIVED, "conclave_notify_received_total", COUNTER, "", "Hints received from other processes.")   \
    X(METRIC_REFRESHES, "conclave_refreshes_total", COUNTER, "", "Refills of the state in memory from the database.")  \
    X(METRIC_DAMAGED_MESSAGES, "conclave_damaged_rows_total", COUNTER, "kind=\"message\"",                              \
      "Stored rows that did not open, each counted once.")                                                             \
    X(METRIC_DAMAGED_REACTIONS, "conclave_damaged_rows_total", COUNTER, "kind=\"reaction\"", "")                       \
    X(METRIC_DAMAGED_DMS, "conclave_damaged_rows_total", COUNTER, "kind=\"direct_message\"", "")                       \
    X(METRIC_DAMAGED_FILES, "conclave_damaged_rows_total", COUNTER, "kind=\"file\"", "")                               \
    X(METRIC_DAMAGED_KEYS, "conclave_damaged_rows_total", COUNTER, "kind=\"key\"", "")                                 \
    X(METRIC_CLOCK_SKEW_WARNINGS, "conclave_clock_skew_warnings_total", COUNTER, "",                                   \
      "Times the clock and that of the database differed by more than 2 s.")                                           \
    X(METRIC_LIMITED_POSTS, "conclave_limited_total", COUNTER, "action=\"post\"",                                       \
      "Requests answered 429 for what one identity, or all strangers together, did before.")                           \
    X(METRIC_LIMITED_UPLOADS, "conclave_limited_total", COUNTER, "action=\"upload\"", "")                               \
    X(METRIC_LIMITED_DMS, "conclave_limited_total", COUNTER, "action=\"direct_message\"", "")                           \
    X(METRIC_LIMITED_REACTIONS, "conclave_limited_total", COUNTER, "action=\"reaction\"", "")                           \
    X(METRIC_LIMITED_EDITS, "conclave_limited_total", COUNTER, "action=\"edit\"", "")                                   \
    X(METRIC_LIMITED_DELETIONS, "conclave_limited_total", COUNTER, "action=\"deletion\"", "")                           \
    X(METRIC_LIMITED_MODERATION, "conclave_limited_total", COUNTER, "action=\"moderation\"", "")                        \
    X(METRIC_STRANGERS_WAITED, "conclave_strangers_waited_total", COUNTER, "",                                         \
      "Requests of strangers put behind those of members while the server was busy.")                                  \
    X(METRIC_CONNECTIONS, "conclave_connections", GAUGE, "", "Open connections to the public listener.")               \
    X(METRIC_BODY_BYTES, "conclave_body_bytes", GAUGE, "", "Memory in use for request bodies.")                        \
    X(METRIC_STATE_BYTES, "conclave_state_bytes", GAUGE, "", "Memory in use for the state of rooms and users.")        \
    X(METRIC_FILE_BYTES, "conclave_file_bytes", GAUGE, "", "Stored files together, as the quota counts them.")         \
    X(METRIC_MACS_MISSING, "conclave_messages_without_mac", GAUGE, "",                                                 \
      "Messages of before MACs, or of an older program: the jobs make theirs.")                                        \
    X(METRIC_MACS_REQUIRED, "conclave_macs_required", GAUGE, "",                                                       \
      "1: a message without a MAC is damaged; only the process that does the jobs says so.")                           \
    X(METRIC_FILE_QUOTA, "conclave_file_quota_bytes", GAUGE, "", "What stored files may take together.")               \
    X(METRIC_DISK_FREE, "conclave_disk_free_bytes", GAUGE, "", "Free on the database's disk; -1: not known.")          \
    X(METRIC_DISK_LOW, "conclave_disk_low", GAUGE, "",                                                                 \
      "0: enough is free; 1: uploads are refused; 2: posts, too.")                                                     \
    X(METRIC_QUEUE_GENERAL, "conclave_queue_depth", GAUGE, "lane=\"general\"", "Requests that wait for a worker.")     \
    X(METRIC_QUEUE_UPLOAD, "conclave_queue_depth", GAUGE, "lane=\"upload\"", "")                                       \
    X(METRIC_STATE_ROOMS, "conclave_state_rooms", GAUGE, "", "Rooms held in memory.")                                  \
    X(METRIC_START_TIME, "conclave_start_time_seconds", GAUGE, "", "When this process started, in seconds since 1970.")
/* clang-format on */

#define METRIC_CONSTANT_(constant, name, type, label, help) constant,
enum metric { METRIC_TABLE(METRIC_CONSTANT_) METRIC_COUNT };
#undef METRIC_CONSTANT_

struct metrics;

/* All zero. NULL without memory. One per process, made by app; free(NULL) is harmless. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/*
 * n may be negative for a gauge. Any thread; a single atomic operation, no order implied towards
 * other memory.
 */
void metrics_add(struct metrics *m, enum metric which, int64_t n);
/* Gauges. */
void metrics_set(struct metrics *m, enum metric which, int64_t value);
int64_t metrics_get(const struct metrics *m, enum metric which);

/*
 * The Prometheus text format 0.0.4. Each value is true at some moment during the call, not all at
 * the same one.
 */
void metrics_write(const struct metrics *m, struct buf *out);

#endif
