# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The second start is quick, and knobs that are none give one clear sentence. Appended by tests/docs/lane.sh to the
# newcomer's commands.

# The words of the first start came with the first of them, and only then.
[[ $(grep -c '^Public key   [0-9a-f]\{64\}$' said.log) == 1 ]]
grep -q 'The running server can read its rooms' said.log
grep -q 'This link works on this machine only' said.log
grep -q 'The link works for whoever can reach http://your.address:8080' said.log

best=999
for _ in 1 2 3; do
    tests/docs/foreground.sh 60 'make run' >second.log
    took=$(sed -n 's/^ready after \(.*\) s$/\1/p' second.log)
    ((took >= best)) || best=$took
    ((best >= 5)) || break
done
echo "the second make run: $best s"
((best < 5))

# refused WORDS KNOB...: make run with these ends by itself, quickly, and says so.
refused() {
    local words=$1
    shift
    if timeout 60 make run "$@" >refused.log 2>&1; then
        cat refused.log
        return 1
    fi
    grep -qF -- "$words" refused.log || {
        echo "make run $*: does not say '$words':"
        cat refused.log
        return 1
    }
    [[ -z $(cat /proc/[0-9]*/comm 2>/dev/null | grep -xE 'conclave|postgres' || true) ]]
}

refused 'PORT=' PORT=9000
refused 'listen=' listen=127.0.0.1:9000
refused 'LISTEN=' LISTEN=nonsense
refused 'LISTEN=' LISTEN=127.0.0.1:99999
refused 'LISTEN=' LISTEN=192.0.2.1:8080
refused 'URL=' URL=your.address
refused 'ADMIN=' ADMIN=alice
refused 'ADMIN=' ADMIN=050200000000000000000000000000000000000000000000000000000000000000
refused 'DATA=' DATA=/proc/nowhere
refused 'DATA=' DATA=Makefile
