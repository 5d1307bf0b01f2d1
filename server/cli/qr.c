/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QR codes by libqrencode, two rows of modules per line of text (half blocks), with the quiet zone
 * that readers need.
 */
#include "cli/qr.h"

#include <qrencode.h>
#include <stdlib.h>

enum { QUIET = 2 };

/* Outside the code is light. */
static bool is_dark(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return false;
    return (code->data[y * code->width + x] & 1) != 0;
}

/* Light modules are drawn: terminals are dark more often than not, and readers take both. */
static void draw(const QRcode *code)
{
    static const char *const halves[2][2] = {{"\xe2\x96\x88", "\xe2\x96\x80"},
                                             {"\xe2\x96\x84", " "}};
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        for (int x = -QUIET; x < code->width + QUIET; x++)
            (void)fputs(halves[is_dark(code, x, y)][is_dark(code, x, y + 1)], stdout);
        (void)putchar('\n');
    }
}

int qr_print(const struct conf *conf, const struct x25519_pub *key, struct span token)
{
    char *link = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&link, &len);
    if (!memory)
        return cli_fail(CLI_FAILED, "not enough memory");
    cli_print_link(memory, conf, key, token);
    int closed = fclose(memory);
    QRcode *code = closed == 0 ? QRcode_encodeString8bit(link, 0, QR_ECLEVEL_L) : NULL;
    if (code) {
        (void)puts(link);
        draw(code);
    }
    bool drawn = code != NULL;
    QRcode_free(code);
    free(link);
    return drawn ? CLI_OK : cli_fail(CLI_FAILED, "the link does not fit into a QR code");
}
