/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The clocks of one connection: of its first header block, of a body, of a reader.
 */
#include "http/conn.h"

#include <linux/tcp.h> /* glibc's tcp_info ends before the byte counters */
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/limits.h"

int64_t conn_started(struct conn *conn, int64_t mono_ms)
{
    int64_t first = atomic_load(&conn->first_byte_ms);
    if (first != 0)
        return first;
    atomic_store(&conn->first_byte_ms, mono_ms);
    return mono_ms;
}

void conn_finished(struct conn *conn)
{
    atomic_store(&conn->rebase, true);
    atomic_store(&conn->first_byte_ms, 0);
    atomic_store(&conn->body_bytes, 0);
    atomic_store(&conn->idle_from_ms, clock_mono_ms());
    atomic_store(&conn->phase, CONN_IDLE);
}

int conn_unread_bytes(const struct conn *conn)
{
    int bytes = 0;
    return ioctl(conn->fd, FIONREAD, &bytes) == 0 ? bytes : 0;
}

/* False: the kernel does not tell (then only libmicrohttpd's own time-out is left). */
static bool read_tcp(int fd, struct tcp_info *ret_info)
{
    socklen_t len = sizeof *ret_info;
    *ret_info = (struct tcp_info){0};
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret_info, &len) == 0;
}

/*
 * Headers: their first byte starts the clock, and nobody but us sees it before they are complete.
 */
static bool idle_is_over(struct conn *conn, int64_t now)
{
    struct tcp_info info;
    if (!atomic_load(&conn->had_headers))
        return now - atomic_load(&conn->idle_from_ms) > FIRST_HEADERS_MAX_MS;
    if (!read_tcp(conn->fd, &info))
        return false;
    if (atomic_exchange(&conn->rebase, false)) {
        conn->seen_bytes = info.tcpi_bytes_received;
        /* A start that was noted while the request ended would make the next one look old. */
        atomic_store(&conn->first_byte_ms, 0);
        return false;
    }
    if (info.tcpi_bytes_received == conn->seen_bytes)
        return false;
    return now - conn_started(conn, now) > ARRIVAL_MAX_MS;
}

static bool body_is_over(const struct conn *conn, int64_t now)
{
    int64_t first = atomic_load(&conn->first_byte_ms);
    int64_t from = atomic_load(&conn->body_from_ms);
    int64_t length = atomic_load(&conn->body_length);
    int64_t counted_ms = now - from - BODY_RATE_GRACE_MS;
    if (now - from > ARRIVAL_MAX_MS || now - first > START_MAX_MS)
        return true;
    if (counted_ms <= 0)
        return false;
    int64_t least = counted_ms * BODY_RATE_MIN_BYTES_PER_S / SECOND_MS;
    int64_t in_time = counted_ms * length / BODY_RATE_SPAN_MS;
    return atomic_load(&conn->body_bytes) < (in_time > least ? in_time : least);
}

static bool writing_is_over(struct conn *conn, int64_t now, bool memory_is_short)
{
    int64_t from = atomic_load(&conn->writing_from_ms);
    struct tcp_info info;
    if (now - from > REPLY_MAX_MS)
        return true;
    if (!read_tcp(conn->fd, &info))
        return false;
    if (conn->acked_of_ms != from || info.tcpi_bytes_acked != conn->acked_bytes) {
        if (conn->acked_of_ms != from)
            conn->acked_at_start = info.tcpi_bytes_acked;
        conn->acked_of_ms = from;
        conn->acked_bytes = info.tcpi_bytes_acked;
        conn->acked_ms = now;
    }
    if (memory_is_short && now - from > REPLY_SHORT_GRACE_MS &&
        (int64_t)(conn->acked_bytes - conn->acked_at_start) / (now - from) <
            REPLY_SHORT_RATE_BYTES_PER_S / SECOND_MS)
        return true;
    return now - conn->acked_ms > REPLY_STALL_MAX_MS;
}

bool conn_is_over(struct conn *conn, int64_t mono_ms, bool memory_is_short)
{
    switch ((enum conn_phase)atomic_load(&conn->phase)) {
    case CONN_IDLE:
        return idle_is_over(conn, mono_ms);
    case CONN_BODY:
        return body_is_over(conn, mono_ms);
    case CONN_WRITING:
        return writing_is_over(conn, mono_ms, memory_is_short);
    case CONN_WORK:
        break;
    }
    return false;
}
