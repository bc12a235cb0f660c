# shellcheck shell=sh
# What all scripts of a PostgreSQL pod know: where the data are, and how the superuser reaches the server beside them.
# Read by the others with `.`; POSIX sh.
# shellcheck disable=SC2034 # used by the scripts that read this one

DATA=/data/pgdata
RUN=/run/patroni
CONFIG=$RUN/config
SECRETS=/etc/algo-trading/secrets
INTERNAL=/etc/algo-trading/postgres-internal

say() { printf '%s\n' "$*" >&2; }

# Runs psql as superuser on this pod's own server, over its socket. Stops at the first error.
superuser() {
  "/usr/lib/postgresql/$PG_MAJOR/bin/psql" --host "$RUN" --username postgres --dbname postgres --no-psqlrc --quiet \
    --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"
}

is_primary() { [ "$(superuser --command 'SELECT pg_is_in_recovery()' 2>/dev/null)" = f ]; }
