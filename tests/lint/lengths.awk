# SPDX-License-Identifier: GPL-3.0-or-later
# No C file above 600 lines. (150 to 300 is what we aim at; at 400 look for two ideas.)

FNR > 600 && !(FILENAME in seen) {
    seen[FILENAME] = 1
    bad = 1
    print FILENAME ": longer than 600 lines; it holds more than one idea"
}

END { exit bad }
