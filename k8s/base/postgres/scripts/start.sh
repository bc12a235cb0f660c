#!/bin/sh
# Starts Patroni, which starts PostgreSQL. What differs between pods (name, address, passwords, memory) goes into a file beside
# Patroni's own, in memory, so that no password is on a disk, on a command line or in the environment.
set -eu
. /scripts/pod.sh

# secret FILE SECRET: the content of a mounted file; one line about it and exit 2 when it is missing or useless.
secret() {
  value=$(cat "$1" 2>/dev/null) || true
  case $value in
    '') say "POSTGRES_SECRET_MISSING: ${1##*/} is not in the Secret $2: set it"; exit 2 ;;
    *[[:cntrl:]]*) say "POSTGRES_SECRET_INVALID: ${1##*/} in the Secret $2 has a line break or another control character: set one without"; exit 2 ;;
  esac
  printf '%s' "$value"
}

check_user() {
  user=$(secret "$SECRETS/DATABASE_USER" algo-trading-secrets)
  case $user in
    postgres | replicator | rewinder | pg_*) say "POSTGRES_USER_RESERVED: DATABASE_USER $user belongs to PostgreSQL itself: choose another name, such as algo_trader"; exit 2 ;;
  esac
  secret "$SECRETS/DATABASE_PASSWORD" algo-trading-secrets >/dev/null
}

# internal KEY: the password as a YAML string.
internal() {
  value=$(secret "$INTERNAL/$1" postgres-internal)
  printf '"%s"' "$(printf '%s' "$value" | sed 's/[\\"]/\\&/g')"
}

# A quarter of the limit for PostgreSQL's own cache; the rest is for sessions and the kernel's.
pod_config() {
  superuser=$(internal SUPERUSER_PASSWORD)
  replication=$(internal REPLICATION_PASSWORD)
  rewind=$(internal REWIND_PASSWORD)
  cat <<END
name: $POD_NAME
kubernetes: {namespace: $POD_NAMESPACE, pod_ip: "$POD_IP"}
restapi:
  connect_address: "$POD_IP:8008"
  authentication: {username: patroni, password: $superuser}
postgresql:
  connect_address: "$POD_IP:5432"
  bin_dir: /usr/lib/postgresql/$PG_MAJOR/bin
  authentication:
    superuser: {username: postgres, password: $superuser}
    replication: {username: replicator, password: $replication}
    rewind: {username: rewinder, password: $rewind}
  parameters:
    shared_buffers: $((MEMORY_LIMIT_BYTES / 4 / 1048576))MB
    effective_cache_size: $((MEMORY_LIMIT_BYTES / 2 / 1048576))MB
END
}

# The cluster's state is gone when its Services were deleted and made again. Then the primary of the last run has to come first: a
# standby might lack its last commits, and without the state nothing would keep it from becoming primary.
wait_for_primary() {
  [ -e "$DATA/standby.signal" ] || return 0
  waited=0
  until patronictl -c "$CONFIG" show-config 2>/dev/null | grep -q '^ttl:'; do
    [ $((waited % 10)) -ne 0 ] || say "this disk is a standby's and the cluster has no state: waiting for the pod that was primary (to go on without it: rm $DATA/standby.signal)"
    sleep 3
    waited=$((waited + 1))
    [ -e "$DATA/standby.signal" ] || return 0
  done
}

# The first process of a container has to ask for it.
trap 'exit 0' TERM
check_user
umask 077
mkdir -p "$CONFIG"
cp /etc/patroni/patroni.yml "$CONFIG/10-cluster.yml"
pod_config >"$CONFIG/20-pod.yml"
# Kubernetes may have opened it to the group, which PostgreSQL refuses.
[ ! -d "$DATA" ] || chmod 700 "$DATA"
wait_for_primary
exec patroni "$CONFIG"
