# SPDX-License-Identifier: GPL-3.0-or-later
# Called by migrations.sh: holds CREATE TABLE, ALTER TABLE ... ADD COLUMN and DROP against COMMENT ON, over all
# migrations in order. Reads whole statements; text in quotes keeps its content, comments of SQL are dropped.
#
# With -v list=1 it judges nothing, but prints "table<TAB>comment" of every table and "table<TAB>column<TAB>comment" of every
# column that is tagged as a person's, in the order of the comments (privacy.sh makes a page of it).
#
# A partition (PARTITION OF) has the columns of its parent and needs none of its own.

{
    statement_lines = statement_lines " " without_comment($0)
    while ((end = statement_end(statement_lines)) > 0) {
        judge(substr(statement_lines, 1, end - 1))
        statement_lines = substr(statement_lines, end + 1)
    }
}

END {
    if (list) {
        for (i = 1; i <= commented; i++) {
            split(order[i], part, SUBSEP)
            if (part[2] == "" && part[1] in tables)
                print part[1] "\t" table_comments[part[1]]
            else if (order[i] in columns && comments[order[i]] ~ /^person:/)
                print part[1] "\t" part[2] "\t" comments[order[i]]
        }
        exit
    }
    for (key in columns) {
        split(key, part, SUBSEP)
        if (!(key in comments))
            complain(columns[key], part[1] "." part[2] " has no COMMENT ON COLUMN")
        else if (suspect(part[2]) && comments[key] !~ /^(not a )?person: /)
            complain(columns[key], part[1] "." part[2] " looks like a person's: its comment begins with" \
                     " 'person: why; until when' or 'not a person: why'")
        else if (comments[key] ~ /^person:/ && comments[key] !~ /^person: [^;]+; [^ ]/)
            complain(columns[key], part[1] "." part[2] ": the tag is 'person: why; until when'")
    }
    for (table in tables)
        if (!(table in table_comments))
            complain(tables[table], table " has no COMMENT ON TABLE")
    for (key in comments)
        if (!(key in columns) && !(key in dropped)) {
            split(key, part, SUBSEP)
            complain("COMMENT ON", part[1] "." part[2] " is no column")
        }
    exit bad
}

function judge(text,    words, body, table)
{
    gsub(/[ \t]+/, " ", text)
    # Tables stand in a schema of their own; names are compared without it.
    gsub(/ conclave\./, " ", text)
    sub(/^ /, "", text)
    if (match(text, /^[Cc][Rr][Ee][Aa][Tt][Ee] ([Uu][Nn][Ll][Oo][Gg][Gg][Ee][Dd] )?[Tt][Aa][Bb][Ll][Ee] ([Ii][Ff] [Nn][Oo][Tt] [Ee][Xx][Ii][Ss][Tt][Ss] )?/)) {
        text = substr(text, RLENGTH + 1)
        table = name_of(text)
        if (toupper(text) ~ /^[^(]* PARTITION OF /)
            return
        tables[table] = FILENAME
        body = substr(text, index(text, "(") + 1)
        columns_of(table, body)
    } else if (toupper(text) ~ /^ALTER TABLE .* ADD COLUMN /) {
        table = text
        sub(/^[A-Za-z]+ [A-Za-z]+ ([Oo][Nn][Ll][Yy] )?/, "", table)
        table = name_of(table)
        while (match(toupper(text), /ADD COLUMN (IF NOT EXISTS )?/)) {
            text = substr(text, RSTART + RLENGTH)
            columns[table, name_of(text)] = FILENAME
        }
    } else if (toupper(text) ~ /^DROP TABLE /) {
        split(text, words, " ")
        table = name_of(toupper(words[3]) == "IF" ? words[5] : words[3])
        delete tables[table]
        drop_columns(table, "")
    } else if (toupper(text) ~ /^ALTER TABLE .* DROP COLUMN /) {
        split(text, words, " ")
        table = name_of(words[3])
        match(toupper(text), /DROP COLUMN (IF EXISTS )?/)
        drop_columns(table, name_of(substr(text, RSTART + RLENGTH)))
    } else if (toupper(text) ~ /^COMMENT ON TABLE /) {
        split(text, words, " ")
        table = name_of(words[4])
        if (!(table in table_comments))
            order[++commented] = table SUBSEP ""
        table_comments[table] = quoted(text)
    } else if (toupper(text) ~ /^COMMENT ON COLUMN /) {
        split(text, words, " ")
        split(words[4], body_parts, ".")
        if (!((body_parts[1], body_parts[2]) in comments))
            order[++commented] = body_parts[1] SUBSEP body_parts[2]
        comments[body_parts[1], body_parts[2]] = quoted(text)
    }
}

# The columns of a CREATE TABLE: what stands first between commas of the outermost parentheses.
function columns_of(table, body,    depth, i, c, piece, in_quote)
{
    depth = 0
    piece = ""
    for (i = 1; i <= length(body); i++) {
        c = substr(body, i, 1)
        if (c == "'")
            in_quote = !in_quote
        if (!in_quote && c == "(")
            depth++
        if (!in_quote && c == ")" && depth-- == 0)
            break
        if (!in_quote && c == "," && depth == 0) {
            column(table, piece)
            piece = ""
        } else {
            piece = piece c
        }
    }
    column(table, piece)
}

function column(table, piece)
{
    sub(/^[ \t]+/, "", piece)
    if (piece == "" || toupper(piece) ~ /^(CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN|EXCLUDE|LIKE)[ (]/)
        return
    columns[table, name_of(piece)] = FILENAME
}

function drop_columns(table, only,    key, part)
{
    for (key in columns) {
        split(key, part, SUBSEP)
        if (part[1] == table && (only == "" || part[2] == only)) {
            delete columns[key]
            dropped[key] = 1
        }
    }
}

function suspect(name)
{
    return name ~ /(^|_)(author|session_id|blinded_id|user|sender|recipient|whisper_to|ip|address|nickname|display_name|pubkey)(_|$)/
}

function name_of(text)
{
    sub(/^[ "]+/, "", text)
    match(text, /^[A-Za-z0-9_]+/)
    return tolower(substr(text, 1, RLENGTH))
}

# The text in quotes after IS; adjacent pieces count as one, as they do in SQL.
function quoted(text)
{
    sub(/^[^']*'/, "", text)
    gsub(/' +'/, "", text)
    sub(/'[^']*$/, "", text)
    return text
}

function without_comment(line,    i, in_quote, c)
{
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "'")
            in_quote = !in_quote
        else if (!in_quote && substr(line, i, 2) == "--")
            return substr(line, 1, i - 1)
    }
    return line
}

# Where the first statement ends; dollar-quoted bodies of functions and text in quotes are passed over.
function statement_end(text,    i, c, in_quote, in_dollar)
{
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (!in_quote && substr(text, i, 2) == "$$") {
            in_dollar = !in_dollar
            i++
        } else if (in_dollar) {
            continue
        } else if (c == "'") {
            in_quote = !in_quote
        } else if (c == ";" && !in_quote) {
            return i
        }
    }
    return 0
}

function complain(where, what)
{
    print where ": " what
    bad = 1
}
