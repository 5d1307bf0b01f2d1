# SPDX-License-Identifier: GPL-3.0-or-later
# Which room may include which. Input: server/LAYERS first, then C files, named from the root of the tree.
#
# A file of server/ROOM includes (with quotes) only headers of ROOM and of the rooms that LAYERS lists for it; files
# directly in server/ see every room; server/ never includes tests/. tests/client and tests/network see base and
# crypto of the server only, and not each other (docs/design.md, D12); other tests see everything.

FILENAME ~ /LAYERS$/ {
    if ($0 ~ /^[a-z]+:/) {
        split($0, part, ":")
        room = part[1]
        rooms[room] = 1
        allowed[room, room] = 1
        n = split(part[2], list, " ")
        for (i = 1; i <= n; i++) {
            if (!(list[i] in rooms))
                complain(FILENAME, FNR, room " may include " list[i] ", which is not a room above it")
            allowed[room, list[i]] = 1
        }
    }
    next
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    target = $0
    sub(/^[^"]*"/, "", target)
    sub(/".*/, "", target)
    if (FILENAME ~ /^server\/[^\/]+\//) {
        split(FILENAME, at, "/")
        from_server(at[2], target)
    } else if (FILENAME ~ /^server\//) {
        if (target ~ /\// && !(room_of(target) in rooms))
            complain(FILENAME, FNR, "\"" target "\" is in no room of LAYERS")
    } else if (FILENAME ~ /^tests\/(client|network)\//) {
        split(FILENAME, at, "/")
        if (room_of(target) != "base" && room_of(target) != "crypto" && room_of(target) != at[2] && !(at[2] == "network" && room_of(target) == "client"))
            complain(FILENAME, FNR, "tests/" at[2] " shares only base/ and crypto/ with the server, not \"" target "\"")
    }
}

function room_of(path)
{
    return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : ""
}

function from_server(own, path)
{
    if (!(own in rooms))
        complain(FILENAME, FNR, own " is not a room of LAYERS")
    else if (path !~ /\//)
        complain(FILENAME, FNR, "\"" path "\": includes are written from server/, as \"" own "/" path "\"")
    else if (!((own, room_of(path)) in allowed))
        complain(FILENAME, FNR, own " may not include \"" path "\"")
}

function complain(file, line, what)
{
    print file ":" line ": " what
    bad = 1
}

END { exit bad }
