/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One small made-up sample of each type that the file server refuses, of those types that a body
 * can show (libmagic tells application/x-pie-executable only by the mode of a file). Header-only: a
 * unit and an integration test share it.
 */
#ifndef CONCLAVE_TESTS_UNIT_SNIFF_SAMPLES_H
#define CONCLAVE_TESTS_UNIT_SNIFF_SAMPLES_H

#include "base/buf.h"

enum { SAMPLE_MAX_BYTES = 4096, SAMPLES = 27 };

struct sniff_sample {
    const char *type;
    const char *bytes; /* followed by zeros or repeats */
    size_t len;
    size_t zeros;   /* appended */
    size_t repeats; /* of all the bytes: text needs some length to be text */
};

#define SAMPLE(mime, literal, zero_count, times)                                                   \
    {                                                                                              \
        mime, literal, sizeof(literal) - 1, zero_count, times                                      \
    }
#define EBML_FRONT "\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82"
#define ELF_FRONT                                                                                  \
    "\x7f"                                                                                         \
    "ELF\2\1\1\0\0\0\0\0\0\0\0\0"
#define ELF_BACK "\0\x3e\0\1\0\0\0\0\0\x40\0\0\0\0\0\x40\0\0\0\0\0\0\0"

/* clang-format off */
static const struct sniff_sample sniff_samples[SAMPLES] = {
    SAMPLE("image/png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\6\0\0\0", 8, 1),
    SAMPLE("image/jpeg", "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", 8, 1),
    SAMPLE("image/gif", "GIF89a\x10\0\x10\0\x80\0\0", 8, 1),
    SAMPLE("image/webp", "RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0", 8, 1),
    SAMPLE("image/tiff", "II*\0\x08\0\0\0\0\0", 8, 1),
    SAMPLE("image/bmp", "BM\x36\4\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x10\0\0\0\x10\0\0\0\1\0\x18\0\0\0\0\0\0\4\0\0"
                        "\x13\x0b\0\0\x13\x0b\0\0\0\0\0\0\0\0\0\0", 8, 1),
    SAMPLE("image/heic", "\0\0\0\x18" "ftypheic\0\0\0\0mif1heic", 8, 1),
    SAMPLE("image/avif", "\0\0\0\x1c" "ftypavif\0\0\0\0avifmif1miaf", 8, 1),
    SAMPLE("image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"></svg>", 0, 1),
    SAMPLE("video/mp4", "\0\0\0\x18" "ftypisom\0\0\2\0isomiso2", 8, 1),
    SAMPLE("video/webm", "\x1a\x45\xdf\xa3\x9f" EBML_FRONT "\x84webm\x42\x87\x81\4", 8, 1),
    SAMPLE("video/x-matroska", "\x1a\x45\xdf\xa3\xa3" EBML_FRONT "\x88matroska\x42\x87\x81\4", 8, 1),
    SAMPLE("audio/ogg", "OggS\0\2\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1\x1e\1vorbis\0\0\0\0\2\x44\xac\0\0", 8, 1),
    SAMPLE("audio/flac", "fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x0a\xc4\x42\xf0", 8, 1),
    SAMPLE("audio/x-wav", "RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xac\0\0\x88\x58\1\0\2\0\x10\0data\0\0\0\0", 8, 1),
    SAMPLE("application/pdf", "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", 0, 1),
    SAMPLE("application/zip", "PK\3\4\x14\0\0\0\x08\0\0\0\x21\0\0\0\0\0\5\0\0\0\5\0\0\0\5\0\0\0a.txthello", 80, 1),
    SAMPLE("application/x-7z-compressed", "7z\xbc\xaf\x27\x1c\0\4", 24, 1),
    SAMPLE("application/x-rar", "Rar!\x1a\7\0\xcf\x90\x73\0\0\r", 8, 1),
    SAMPLE("application/x-executable", ELF_FRONT "\2" ELF_BACK, 40, 1),
    SAMPLE("application/x-sharedlib", ELF_FRONT "\3" ELF_BACK, 40, 1),
    SAMPLE("application/vnd.sqlite3", "SQLite format 3\0\x10\0\1\1\0\x40\x20\x20\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1"
                                      "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1", 40, 1),
    SAMPLE("text/html", "<!DOCTYPE html>\n<html><head><title>x</title></head><body></body></html>", 0, 1),
    SAMPLE("text/plain", "some words in a line of text, again and again. ", 0, 12),
    SAMPLE("application/json", "[1,2,3,4,5,6,7,8]", 0, 0), /* see sniff_sample_put */
    SAMPLE("text/x-shellscript", "#!/bin/sh\necho hello\n", 0, 30),
    SAMPLE("application/vnd.microsoft.portable-executable", "MZ", 0, 0), /* see sniff_sample_put */
};
/* clang-format on */

static inline void sniff_put_zeros(struct buf *out, size_t count)
{
    while (count-- > 0)
        buf_put_byte(out, 0);
}

/* DOS header whose field at 3c says where PE begins; x86-64, 64-bit optional header. */
static inline void sniff_put_pe(struct buf *out)
{
    uint8_t pe[512] = {'M', 'Z', [0x18] = 0x40, [0x3c] = 0x80, [0x80] = 'P', [0x81] = 'E'};
    pe[0x84] = 0x64;
    pe[0x85] = 0x86;
    pe[0x94] = 0xf0;
    pe[0x96] = 0x22;
    pe[0x98] = 0x0b;
    pe[0x99] = 0x02;
    pe[0x98 + 68] = 3;
    buf_put(out, span_of(pe, sizeof(pe)));
}

/* Appends a sample. */
static inline void sniff_sample_put(const struct sniff_sample *s, struct buf *out)
{
    if (strcmp(s->type, "application/vnd.microsoft.portable-executable") == 0) {
        sniff_put_pe(out);
        return;
    }
    if (strcmp(s->type, "application/json") == 0) {
        buf_put_text(out, "{\"a\":[");
        for (int i = 0; i < 300; i++)
            buf_put_text(out, "1,");
        buf_put_text(out, "1]}");
        return;
    }
    for (size_t i = 0; i < s->repeats; i++)
        buf_put(out, span_of(s->bytes, s->len));
    sniff_put_zeros(out, s->zeros);
}

#endif
