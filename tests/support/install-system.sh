#!/usr/bin/env bash
# Installs what the tests need and pip cannot bring: the PostgreSQL server programs, openssl, curl.
# Where they are there already it does nothing. Where they cannot be had it says so and ends
# well, for the tests themselves then skip by name, or fail by name in CI.
set -euo pipefail

have_all() {
  command -v openssl >/dev/null && command -v curl >/dev/null && have_postgres
}

have_postgres() {
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

cannot_be_had() {
  echo "The system packages for the tests cannot be had: $1" >&2
  exit 0
}

have_all && exit 0

command -v apt-get >/dev/null || cannot_be_had 'no apt-get here; install postgresql, openssl and curl by hand'
if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif sudo -n true 2>/dev/null; then
  as_root=(sudo -n)
else
  cannot_be_had 'not root; run: sudo apt-get install postgresql openssl curl'
fi

# The package would make a cluster and start it. The tests make their own, so none is wanted,
# but only for this installation: what is installed later is the machine owner's decision.
no_cluster=/etc/postgresql-common/createcluster.d/kairos-tests.conf
trap '"${as_root[@]}" rm -f "$no_cluster"' EXIT
"${as_root[@]}" mkdir -p "$(dirname "$no_cluster")"
echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_cluster" >/dev/null

apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
"${apt[@]}" update >/dev/null || cannot_be_had 'apt-get update failed'
"${apt[@]}" install -y --no-install-recommends postgresql openssl curl >/dev/null || cannot_be_had 'apt-get install failed'
