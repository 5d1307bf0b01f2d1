/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request to stop (SIGTERM, SIGINT), as a descriptor that becomes readable once and stays so:
 * whoever waits for something else can wait for it at the same time. Any thread. A number of 0 or
 * below stands for "nobody can ask".
 */
#ifndef CONCLAVE_BASE_STOP_H
#define CONCLAVE_BASE_STOP_H

#include <stdbool.h>
#include <stdint.h>

bool stop_asked(int stop_fd);
/* Waits for the request, at most so long. True: it came. */
bool stop_wait(int stop_fd, int64_t timeout_ms);

#endif
