/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bare libpq program beside the server, on the same PostgreSQL: the same chunks in the same kind
 * of table, binary, one transaction per file.
 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "bench/bench.h"

enum { CHUNK_BYTES = 256 * 1024, THREADS_MAX = 8, SEAL_BYTES = 40, FILES_MAX = 4096 };

struct part {
    const struct bench *bench;
    bool insert;
    size_t file_bytes, first, count;
    uint8_t *bytes;
    bool fine;
};

static bool command(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    PQclear(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* One chunk of one file: a row in, or a row out. */
static bool chunk(PGconn *c, const struct part *p, size_t file, size_t n, size_t len)
{
    uint32_t number[2] = {htonl((uint32_t)file), htonl((uint32_t)n)};
    const char *values[] = {(const char *)&number[0], (const char *)&number[1],
                            (const char *)p->bytes};
    int lengths[] = {4, 4, (int)len}, formats[] = {1, 1, 1};
    PGresult *r = PQexecPrepared(c, "one", p->insert ? 3 : 2, values, lengths, formats, 1);
    bool fine = p->insert ? PQresultStatus(r) == PGRES_COMMAND_OK
                          : PQntuples(r) == 1 && (size_t)PQgetlength(r, 0, 0) == len;
    PQclear(r);
    return fine;
}

static void *run(void *arg)
{
    struct part *p = arg;
    PGconn *c = PQconnectdb(p->bench->world.database_url);
    const char *sql = p->insert
                          ? "INSERT INTO bench_chunks VALUES ($1::int, $2::int, $3::bytea)"
                          : "SELECT data FROM bench_chunks WHERE file = $1::int AND n = $2::int";
    PGresult *prepared = PQprepare(c, "one", sql, 0, NULL);
    p->fine = PQresultStatus(prepared) == PGRES_COMMAND_OK;
    PQclear(prepared);
    for (size_t f = 0; p->fine && f < p->count; f++) {
        p->fine = !p->insert || command(c, "BEGIN");
        for (size_t at = 0, n = 0; p->fine && at < p->file_bytes; at += CHUNK_BYTES, n++) {
            size_t left = p->file_bytes - at;
            size_t len = (left < CHUNK_BYTES ? left : CHUNK_BYTES) + SEAL_BYTES;
            p->fine = chunk(c, p, p->first + f, n, len);
        }
        p->fine = p->fine && (!p->insert || command(c, "COMMIT"));
    }
    PQfinish(c);
    return NULL;
}

static bool make_table(const struct bench *b)
{
    PGconn *c = PQconnectdb(b->world.database_url);
    bool fine = command(c, "SET client_min_messages = warning") &&
                command(c, "CREATE TABLE IF NOT EXISTS bench_chunks"
                           " (file int, n int, data bytea, PRIMARY KEY (file, n))") &&
                command(c, "ALTER TABLE bench_chunks ALTER COLUMN data SET STORAGE EXTERNAL");
    PQfinish(c);
    return fine;
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double run_parts(const struct bench *b, const struct bench_chunks_job *job, bool insert,
                        size_t first, uint8_t *bytes)
{
    struct part parts[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    size_t each = (job->count + job->connections - 1) / job->connections;
    bool fine = true;
    double began = now_s();
    for (size_t i = 0; i < job->connections; i++) {
        parts[i] = (struct part){b, insert, job->file_bytes, first + i * each, each, bytes, false};
        fine = pthread_create(&threads[i], NULL, run, &parts[i]) == 0 && fine;
    }
    for (size_t i = 0; fine && i < job->connections; i++) {
        (void)pthread_join(threads[i], NULL);
        fine = parts[i].fine && fine;
    }
    return fine ? (double)(each * job->connections * job->file_bytes) / (now_s() - began) : 0;
}

double bench_chunks(const struct bench *b, const struct bench_chunks_job *job)
{
    static size_t next; /* files are numbered on, over all rounds */
    uint8_t *bytes = mem_alloc(CHUNK_BYTES + SEAL_BYTES);
    double rate = 0;
    if (bytes != NULL && job->connections <= THREADS_MAX && make_table(b)) {
        randombytes_buf(bytes, CHUNK_BYTES + SEAL_BYTES);
        rate = run_parts(b, job, true, next, bytes);
        if (rate > 0 && !job->insert)
            rate = run_parts(b, job, false, next, bytes);
        next += job->count + THREADS_MAX;
    }
    mem_free(bytes);
    return rate;
}
