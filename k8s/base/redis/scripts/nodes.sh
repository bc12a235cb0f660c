# shellcheck shell=sh
# What all scripts of a Redis pod know: the three nodes, their addresses, the password, and how to ask a node something.
# Read by the others with `.`; POSIX sh. Nodes are named by their number: pod redis-1 is node 1.
# shellcheck disable=SC2034 # used by the scripts that read this one

NODES='0 1 2'
MAJORITY=2
MASTER_NAME=mymaster
REDIS_PORT=6379
SENTINEL_PORT=26379
SENTINEL_CONF=/data/sentinel/sentinel.conf
SECRET_FILE=/etc/algo-trading/secrets/REDIS_PASSWORD
# The password that this pod's processes run with: the Secret may have changed since they were started.
PASSWORD_FILE=/run/redis/password
SELF=${POD_NAME##*-}

say() { printf '%s\n' "$*" >&2; }

# address NODE: the address of the node's own Service, which outlives its pod.
address() { eval "printf '%s' \"\${REDIS_NODE_${1}_SERVICE_HOST:-}\""; }

# The kubelet sets the addresses when it starts a container, from the Services that it knows by then.
check_addresses() {
  for node in $NODES; do
    [ -n "$(address "$node")" ] || { say "REDIS_NODE_UNKNOWN: there was no Service redis-node-$node when this container started; it is started again"; exit 1; }
  done
}

# node_at ADDRESS: the number of the node, or nothing.
node_at() {
  for node in $NODES; do
    if [ "$1" = "$(address "$node")" ]; then printf '%s' "$node"; fi
  done
}

# Takes the Secret's password as the one that this pod's processes run with.
adopt_password() {
  secret=$(cat "$SECRET_FILE" 2>/dev/null) || { say "REDIS_PASSWORD_MISSING: $SECRET_FILE cannot be read: set REDIS_PASSWORD in the Secret algo-trading-secrets"; exit 2; }
  [ -n "$secret" ] || { say "REDIS_PASSWORD_MISSING: REDIS_PASSWORD in the Secret algo-trading-secrets is empty: set one"; exit 2; }
  case $secret in
    *[[:cntrl:]]*) say 'REDIS_PASSWORD_INVALID: REDIS_PASSWORD in the Secret algo-trading-secrets has a line break or another control character: set one without'; exit 2 ;;
  esac
  (umask 077 && printf '%s' "$secret" >"$PASSWORD_FILE.$$")
  mv "$PASSWORD_FILE.$$" "$PASSWORD_FILE"
}

# The password as redis-cli takes it: from the environment, never from the command line.
use_password() {
  REDISCLI_AUTH=$(cat "$PASSWORD_FILE")
  export REDISCLI_AUTH
}

# The password as a word of a configuration file. Not for echo, which takes backslashes for its own.
quoted_password() { printf '"%s"' "$(sed 's/[\\"]/\\&/g' "$PASSWORD_FILE")"; }

# ask HOST PORT COMMAND...: the answer; nothing when there is none within two seconds.
ask() {
  host=$1 port=$2
  shift 2
  timeout 2 redis-cli -h "$host" -p "$port" "$@" 2>/dev/null | tr -d '\r'
}

# host_of NODE: where this pod reaches the node; itself without leaving the pod.
host_of() {
  if [ "$1" = "$SELF" ]; then printf '127.0.0.1'; else address "$1"; fi
}

# What every Sentinel is told of the master, as `SENTINEL SET` takes it. An election without a winner is repeated after twice the
# failover-timeout.
sentinel_settings() {
  echo 'down-after-milliseconds 5000'
  echo 'failover-timeout 10000'
  echo 'parallel-syncs 1'
}
