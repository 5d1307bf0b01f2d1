#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A command that runs until Ctrl-C (`make run`), as somebody at a terminal: waits for its last words, looks at what it
# serves, presses Ctrl-C, and looks for what it left.
# usage: tests/docs/foreground.sh SECONDS COMMAND      prints what it said and, last, how long the start took
set -euo pipefail
limit=$1 command=$2 log=$(mktemp)
began=$SECONDS
# A process group of its own, as a terminal gives it, and SIGINT as it is by default.
set -m
bash -c "$command" >"$log" 2>&1 </dev/null &
job=$!
set +m
until grep -q 'Ctrl-C stops' "$log"; do
    if ! kill -0 $job 2>/dev/null || ((SECONDS - began > limit)); then
        cat "$log"
        echo "foreground: '$command' did not get ready in $limit s"
        exit 1
    fi
    sleep 0.1
done
took=$((SECONDS - began))
link=$(grep -oE 'https?://[^ ]+/lobby\?public_key=[0-9a-f]{64}' "$log" | tail -n 1)
build/conclave-client --server "${link%%/lobby*}" --key "${link##*public_key=}" --account "$log.account" account new
build/conclave-client --server "${link%%/lobby*}" --key "${link##*public_key=}" --account "$log.account" post lobby 'first words'
build/conclave-client --server "${link%%/lobby*}" --key "${link##*public_key=}" --account "$log.account" read lobby | grep 'first words'
# Nobody needs root to serve.
for process in /proc/[0-9]*; do
    [[ $(cat "$process/comm" 2>/dev/null) != conclave || $(stat -c %u "$process") != 0 ]] || {
        echo "foreground: the server runs as root"
        exit 1
    }
done
kill -INT -$job
wait $job || status=$?
cat "$log"
grep -q '^Stopped\. Everything is kept in ' "$log"
if grep -F '***' "$log"; then
    echo 'foreground: make complains of Ctrl-C'
    exit 1
fi
left=$(cat /proc/[0-9]*/comm 2>/dev/null | grep -xE 'conclave|postgres' || true)
rm -f "$log" "$log.account"
[[ -z $left ]] || {
    echo "foreground: left running after Ctrl-C: $left"
    exit 1
}
[[ ${status:-0} == 130 || ${status:-0} == 2 || ${status:-0} == 0 ]] || {
    echo "foreground: Ctrl-C ended it with $status"
    exit 1
}
echo "ready after $took s"
