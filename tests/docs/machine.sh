#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A newcomer's machine: a bare Debian with nothing but a clone of this tree in /root/conclave.
# usage: [SUITE=bookworm] tests/docs/machine.sh SCRIPT      (as root, from the root of the tree)
#
# SCRIPT is run by bash -e as root in the clone. The machine has a process table of its
# own: when SCRIPT ends, all that it started ends, and the machine is removed.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
script=$(realpath "$1")
suite=${SUITE:-bookworm}
"$here/tests/containers/bare-tree.sh" "$suite"
machine=$(mktemp -d /var/tmp/machine.XXXXXX)
trap 'rm -rf --one-file-system "$machine"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
tar -C "$machine" --numeric-owner -xf "$here/build/bare-tree-$suite.tar"
cp /etc/resolv.conf "$machine/etc/resolv.conf"
printf '127.0.0.1 localhost your.address\n' >"$machine/etc/hosts"
mkdir -p "$machine/root/conclave"
git ls-files -z --cached --others --exclude-standard | tar --null -cf - -T - | tar -C "$machine/root/conclave" -xf -
cp "$script" "$machine/root/script"
# There is no init, but packages may start their services, as they do where there is one.
printf '#!/bin/sh\nexit 0\n' >"$machine/usr/sbin/policy-rc.d"
chmod 0755 "$machine/usr/sbin/policy-rc.d"
for shim in systemctl journalctl; do
    install -m 0755 "$here/tests/docs/$shim" "$machine/usr/local/sbin/$shim"
done
# shellcheck disable=SC2016 # the inner shell expands
unshare --mount --pid --fork --kill-child bash -c '
    machine=$1
    mount -t proc proc "$machine/proc"
    mount --bind /dev "$machine/dev"
    mount -t tmpfs shm "$machine/dev/shm"
    mount -t tmpfs run "$machine/run"
    exec chroot "$machine" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
        no_proxy="${no_proxy:-}" bash -eo pipefail -c "cd /root/conclave; apt-get update -qq; . /root/script"
' machine "$machine"
