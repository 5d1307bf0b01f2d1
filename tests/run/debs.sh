# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian packages of any suite and architecture, fetched and unpacked and not installed: nothing of
# this machine's own package lists, architectures and services changes. To source.
#
# FOLDER holds the lists and what was fetched; it is made by debs_open, and can be removed when all
# is unpacked.

# debs_open FOLDER SUITE ARCHITECTURE [STATUS]: fetches the lists. STATUS says what counts as
# installed (dpkg's own form); an empty file: nothing.
debs_open() {
    local folder=$1
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/debs"
    {
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $2 main"
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security $2-security main"
    } >"$folder/sources.list"
    cat >"$folder/apt.conf" <<CONF
APT::Architecture "$3";
APT::Architectures "$3";
APT::Sandbox::User "root";
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$folder/lists";
Dir::State::status "${4:-/var/lib/dpkg/status}";
Dir::Cache "$folder/cache";
CONF
    debs_apt "$folder" update
}

# debs_apt FOLDER ARGUMENT...
debs_apt() {
    local folder=$1
    shift
    (cd "$folder/debs" && APT_CONFIG=$folder/apt.conf timeout -k 10 600 apt-get -q "$@")
}

# debs_needed FOLDER PACKAGE...: prints what would have to be installed for these, themselves among
# it.
debs_needed() {
    debs_apt "$1" -s install --no-install-recommends "${@:2}" | awk '$1 == "Inst" { print $2 }'
}

# debs_unpack FOLDER TREE PACKAGE...: their files, in a tree whose /lib may be a link.
debs_unpack() {
    local folder=$1 tree=$2 deb
    shift 2
    debs_apt "$folder" download "$@"
    mkdir -p "$tree"
    for deb in "$folder"/debs/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -C "$tree" --keep-directory-symlink -xf -
    done
    rm -f "$folder"/debs/*.deb
}
