# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the statements of *.sql a table in C (store/store.h), so that the program needs no files
# beside it.
# usage: awk -f server/store/embed.awk server/store/names.sql server/store/NOUN.sql... >statements.c
#
# A statement begins with a line PREPARE "NAME" AS and ends with the first line that ends with a
# semicolon. names.sql sets what the others use as :name; a name in capitals is a constant of C,
# whose header stands in a comment before it (-- store/messages.h); a wrong value does not compile. Comments and what
# stands between statements are for readers.

function fail(what) {
    print FILENAME ":" FNR ": " what >"/dev/stderr"
    failed = 1
    exit 1
}

# The line with every :name replaced; a cast (::type) is none.
function expand(line,    out, name) {
    out = ""
    while (match(line, /(^|[^:]):[A-Za-z_]+/)) {
        name = substr(line, RSTART, RLENGTH)
        sub(/^[^:]*:/, "", name)
        if (!(name in value))
            fail("no name in names.sql: " name)
        out = out substr(line, 1, RSTART + RLENGTH - length(name) - 2) value[name]
        line = substr(line, RSTART + RLENGTH)
    }
    return out line
}

BEGIN { print "#include \"store/internal.h\"" }

FILENAME ~ /names\.sql$/ {
    if ($1 == "--" && $2 ~ /\.h$/)
        print "#include \"" $2 "\""
    if ($1 == "\\set") {
        text = $0
        sub(/^\\set +[A-Za-z_]+ +/, "", text)
        gsub(/'/, "", text)
        value[$2] = expand(text)
        if ($2 ~ /^[A-Z_]+$/)
            print "_Static_assert((long)" $2 " == " text ", \"names.sql: " $2 "\");"
    }
    next
}

FNR == 1 {
    if (tables++)
        print "{NULL, NULL}};"
    print "static const struct statement statements_" tables "[] = {"
}

$1 == "PREPARE" && $3 == "AS" {
    if (inside)
        fail("the statement before does not end")
    if (seen[$2]++)
        fail("there is another " $2)
    inside = 1
    printf "{%s,\n", $2
    next
}

inside && $1 != "--" {
    ends = sub(/;$/, "")
    text = expand($0)
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    printf "\"%s\\n\"\n", text
    if (ends) {
        print "},"
        inside = 0
    }
}

END {
    if (failed)
        exit 1
    if (inside)
        fail("the last statement does not end")
    print "{NULL, NULL}};"
    print "const struct statement_table store_statements[] = {"
    for (i = 1; i <= tables; i++)
        print "{statements_" i "},"
    print "};"
    print "const size_t store_statement_count = " tables ";"
}
