# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What must be true after the commands "From source, for good". Appended by tests/docs/lane.sh to them.

grep -q 'Public key   [0-9a-f]\{64\}' /var/log/conclave.log
link=$(grep -oE 'http://your.address:8080/lobby\?public_key=[0-9a-f]{64}' /var/log/conclave.log | head -n 1)
client() {
    build/conclave-client --server "${link%%/lobby*}" --key "${link##*public_key=}" --account /tmp/account "$@"
}
client account new
client post lobby 'first words'
client read lobby | grep 'first words'
[[ $(stat -c '%U:%a' /var/lib/conclave/server.key) == conclave:400 ]]
# A second installation leaves the settings alone.
make install >/dev/null
grep -qx 'public_url = http://your.address:8080' /etc/conclave/conclave.conf
# PostgreSQL's log names nobody: an error's statement and values stay out of it.
su conclave -s /bin/sh -c "psql -Atc \"SELECT 'marked-value'::int\" conclave" 2>/dev/null || true
if grep -r 'STATEMENT' /var/log/postgresql; then
    exit 1
fi
# The reverse proxy takes the sample as it stands, with a certificate.
apt-get install -y -qq --no-install-recommends nginx-light openssl >/dev/null
mkdir -p /etc/letsencrypt/live/your.address
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=your.address -keyout /etc/letsencrypt/live/your.address/privkey.pem \
    -out /etc/letsencrypt/live/your.address/fullchain.pem 2>/dev/null
cp deploy/nginx.conf.sample /etc/nginx/conf.d/conclave.conf
nginx -t
nginx -s reload
asks_through_the_proxy() {
    printf 'GET / HTTP/1.1\r\nHost: your.address\r\nConnection: close\r\n\r\n' |
        openssl s_client -quiet -connect your.address:443 2>/dev/null | grep -a 'HTTP/1.1 404'
}
for _ in 1 2 3 4 5 6 7 8 9 10; do
    ! asks_through_the_proxy || break
    sleep 1
done
asks_through_the_proxy
[[ ! -s /var/log/nginx/access.log ]]
