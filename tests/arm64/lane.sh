#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The lane of arm64: the programs and the unit tests are cross-built with -Werror against Debian's
# arm64 libraries, and the tests run under qemu's user mode. That knows neither seccomp nor
# Landlock, and no times that mean something: what needs those counts as skipped
# (CONCLAVE_TEST_EMULATED).
# usage: tests/arm64/lane.sh      (from the root of the tree)
set -euo pipefail
root=$PWD/build/arm64-root log=build/log/build-arm64.log programs=$PWD/build/arm64/emulated
mkdir -p build/log
began=$SECONDS

give_up() {
    tail -n 40 "$log"
    printf '%-28s %s\n' arm64 "$1"
    [[ -z ${TEST_COUNTS:-} ]] || echo '0 1 0' >>"$TEST_COUNTS"
    exit 1
}

mapfile -t packages < <({ deploy/deps.sh --list build; deploy/deps.sh --list test; } | grep -e '-dev$')
tests/arm64/root.sh "${packages[@]}" >"$log" 2>&1 || give_up 'its libraries cannot be fetched'
export PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_LIBDIR=$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig
"${MAKE:-make}" --no-print-directory WERROR=1 units-arm64 >"$log" 2>&1 || give_up 'does not build'
printf '%-28s %-20s %4d s\n' 'build (arm64)' built $((SECONDS - began))

# What tests start is started through the emulator, too.
mkdir -p "$programs"
for program in conclave conclave-client conclave-node; do
    printf '#!/bin/sh\nexec qemu-aarch64 %q "$@"\n' "$PWD/build/arm64/$program" >"$programs/$program"
    chmod +x "$programs/$program"
done
export CONCLAVE_TEST_EMULATED=qemu-aarch64 QEMU_LD_PREFIX=$root CONCLAVE_TEST_SHORT=3
tests=(tests/unit/test_*.c)
tests=("${tests[@]%.c}")
TEST_TIMEOUT=${TEST_TIMEOUT:-600} tests/run/programs.sh unit-arm64 "$programs" "${tests[@]/#/build/arm64/}"
