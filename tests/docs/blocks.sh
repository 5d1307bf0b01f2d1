# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The blocks of commands in a document. To source.

# blocks FILE TAG [N]: what stands in the blocks that begin with "```sh TAG", all of them or the N-th, as it stands. Fails
# when there is none.
blocks() {
    local text
    text=$(awk -v head="\`\`\`sh $2" -v wanted="${3:-0}" '
        on && /^```/ { on = 0; next }
        on { print }
        $0 == head { n++; on = !wanted || n == wanted }' "$1")
    [[ -n $text ]] || {
        echo "$1: no block is tagged '$2'" >&2
        return 1
    }
    printf '%s\n' "$text"
}

# blocks_known FILE: every block of commands has a tag, and one of these; otherwise nobody carries it out.
blocks_known() {
    local strangers
    strangers=$(awk '/^```/ { if (!on && $0 !~ /^```sh (plugin|docker|newcomer|newcomer foreground|source|upgrade)$/) print FILENAME ": " FNR ": " $0; on = !on }' "$@")
    [[ -z $strangers ]] || {
        echo "blocks that no test carries out:"
        echo "$strangers"
        return 1
    }
}
