/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Child processes of tests and of the demo: started with a chosen environment, waited for with
 * limits, ended by their number and never by name. A child dies with the thread that started it
 * (start them from the main thread).
 */
#ifndef CONCLAVE_TESTS_INTEGRATION_PROCESS_H
#define CONCLAVE_TESTS_INTEGRATION_PROCESS_H

#include <sys/types.h>

#include "base/buf.h"

enum { PROCESS_STOP_MS = 10000, PROCESS_OUTPUT_MAX_BYTES = 1 << 20 };

struct process {
    pid_t pid;  /* 0: none, or waited for already */
    int out_fd; /* read end of its stdout; -1: it goes to out_path */
};

struct process_spec {
    const char *const *argv; /* argv[0] is a path with a slash; NULL-ended */
    const char *const *
        env; /* "NAME=value" on top of ours, of which CONCLAVE_* is left out; NULL-ended, or NULL */
    const char *out_path; /* stdout is appended there; NULL: a pipe that we read */
    const char *err_path; /* stderr is appended there; NULL: ours */
};

MUST_USE enum err process_start(const struct process_spec *spec, struct process *ret_process);
/*
 * The next line of its stdout without the newline. ERR_BUSY: not in time. ERR_MISSING: it ended
 * without one.
 */
MUST_USE enum err process_line(struct process *p, int timeout_ms, char *out, size_t size);
/*
 * True while it runs; otherwise *ret_status is its exit code (128 + number for a signal) and the
 * pid is given back.
 */
bool process_running(struct process *p, int *ret_status);
/* Waits for its own end. ERR_BUSY: not in time (it still runs). */
MUST_USE enum err process_wait(struct process *p, int timeout_ms, int *ret_status);
/*
 * SIGTERM, and SIGKILL when that takes longer than PROCESS_STOP_MS. Its exit code; 0 when there was
 * none to stop.
 */
int process_stop(struct process *p);
/* SIGKILL at once: a crash. */
void process_kill(struct process *p);

/* Runs a command to its end with its stdout collected. ERR_BUSY: not in time; it was killed. */
MUST_USE enum err process_run(const struct process_spec *spec, int timeout_ms, struct buf *out,
                              int *ret_status);

#endif
