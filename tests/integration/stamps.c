/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See integration/stamps.h.
 */
#include "integration/stamps.h"

#include <math.h>
#include <stdlib.h>

int64_t stamp_of(const json_t *row, const char *key)
{
    return (int64_t)floor(json_real_value(json_object_get(row, key)) * 1000);
}

void stamps_add(struct stamps *s, int64_t ms)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->count < STAMPS_MAX)
        s->ms[s->count++] = ms;
    (void)pthread_mutex_unlock(&s->lock);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

size_t stamps_shared(struct stamps *s)
{
    size_t shared = 0;
    qsort(s->ms, s->count, sizeof(*s->ms), compare);
    for (size_t i = 0; i < s->count; i++)
        shared +=
            (i > 0 && s->ms[i] == s->ms[i - 1]) || (i + 1 < s->count && s->ms[i] == s->ms[i + 1]);
    return shared;
}
