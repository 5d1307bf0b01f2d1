# SPDX-License-Identifier: GPL-3.0-or-later
# Calls that are not used here, and calls that belong to one room. Input: C files, named from the root of the tree.
#
# Comments and text in quotes do not count. A line that must break a rule says why: /* lint: allow NAME, because ... */

BEGIN {
    n = split("strcpy strcat sprintf vsprintf strncpy strncat strtok strtok_r atoi atol atoll gets alloca rand srand" \
              " system popen localtime gmtime", list, " ")
    for (i = 1; i <= n; i++)
        everywhere[list[i]] = 1
    n = split("malloc calloc realloc reallocarray strdup strndup", list, " ")
    for (i = 1; i <= n; i++)
        base_only[list[i]] = 1
}

FNR == 1 {
    comment = 0
}

{
    allow = ""
    if (match($0, /lint: allow [a-zA-Z_]+,/))
        allow = substr($0, RSTART + 12, RLENGTH - 13)
    line = strip($0)
    while (match(line, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
        name = substr(line, RSTART, RLENGTH - 1)
        before = RSTART > 1 ? substr(line, RSTART - 1, 1) : ""
        rest = substr(line, RSTART + RLENGTH)
        sub(/[ \t]+$/, "", name)
        if (name != allow && before !~ /[.>]/)
            judge(name, rest)
        line = rest
    }
}

function judge(name, arguments)
{
    if (name in everywhere)
        complain(name "() is banned")
    else if (name == "memcmp" && tolower(arguments) ~ /(key|tag|mac|secret|signature|hash)/)
        complain("memcmp() on a key or tag: compare in constant time, through crypto/")
    else if (FILENAME !~ /^server\//)
        return
    else if (name in base_only && FILENAME !~ /^server\/base\//)
        complain(name "() only in base/: use an arena, a buf or mem.h")
    else if (name ~ /^(secure_)?getenv$/)
        outside("conf", "the environment is read")
    else if (name ~ /^PQ[a-z]/)
        outside("db", "libpq is called")
    else if (name ~ /^MHD_/)
        outside("http", "libmicrohttpd is called")
    else if (name ~ /^crypto_[a-z]/ && name !~ /^crypto_(start|random|wipe|equal)$/) # ours: crypto/keys.h
        outside("crypto", "libsodium is called")
    else if (name ~ /^magic_[a-z]/)
        outside("files", "libmagic is called")
    else if (name ~ /^sqlite3_[a-z]/)
        outside("pysogs", "SQLite is called")
}

function outside(room, what)
{
    if (FILENAME !~ "^server/" room "/")
        complain(what " only in " room "/")
}

# The line without comments and without the insides of quotes; `comment` remembers an open one.
function strip(text,    out, i, c, two, quote)
{
    out = ""
    quote = ""
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        two = substr(text, i, 2)
        if (comment) {
            if (two == "*/") {
                comment = 0
                i++
            }
        } else if (quote != "") {
            if (c == "\\")
                i++
            else if (c == quote) {
                quote = ""
                out = out c
            }
        } else if (two == "/*") {
            comment = 1
            i++
        } else if (two == "//") {
            return out
        } else {
            if (c == "\"" || c == "'")
                quote = c
            out = out c
        }
    }
    return out
}

function complain(what)
{
    print FILENAME ":" FNR ": " what
    bad = 1
}

END { exit bad }
