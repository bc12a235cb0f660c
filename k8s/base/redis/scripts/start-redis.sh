#!/bin/sh
# Starts Redis as master or as replica. Which of the two is never guessed: it is what the Sentinels say, of which two of three
# have to answer, and the newest word counts. Only when none of them has ever known a master (a first start) is it node 0, which
# alone decides that; the others wait to hear of it.
# A node without data never starts as the master that the others know: they would throw theirs away.
set -eu
. /scripts/nodes.sh

DATA=/data/redis
CONF=/run/redis/redis.conf
# Seconds until this node's own Sentinel is believed alone, or two that know nothing.
PATIENCE_S=10
FILES_WANTED=10032

# opinion NODE: "EPOCH ADDRESS" of the master that the node's Sentinel watches, "none" when it watches none, nothing when it
# does not answer.
opinion() {
  ask "$(host_of "$1")" "$SENTINEL_PORT" sentinel master "$MASTER_NAME" | awk '
    /^ERR No such master/ { none = 1 }
    $0 == "ip" { getline ip }
    $0 == "config-epoch" { getline epoch }
    END { if (ip != "" && epoch != "") print epoch, ip; else if (none) print "none" }'
}

opinions() { for node in $NODES; do opinion "$node"; done; }

# True when all Sentinels answer, or most of them for a while, and none knows a master.
is_first_start() { [ "$answers" -eq 3 ] || { [ "$answers" -ge "$MAJORITY" ] && [ "$waited" -ge "$PATIENCE_S" ]; }; }

# Sets `master` to the node that is to be the master, once that is known.
find_master() {
  waited=0
  while :; do
    heard=$(opinions)
    answers=$(printf '%s' "$heard" | grep -c . || true)
    newest=$(printf '%s\n' "$heard" | grep -v none | sort -rn | head -n 1)
    master=$(node_at "${newest#* }")
    if [ -n "$newest" ] && [ -z "$master" ]; then say "Sentinel names ${newest#* } as master, which is none of the nodes"; fi
    if [ -n "$master" ] && [ "$answers" -ge "$MAJORITY" ]; then return; fi
    if [ -n "$master" ] && [ "$waited" -ge "$PATIENCE_S" ]; then return; fi
    if [ "$SELF" = 0 ] && [ -z "$newest" ] && is_first_start; then
      # From here on this disk counts as one with data, as empty as it is.
      : >"$DATA/first-master"
      master=0
      return
    fi
    [ $((waited % 10)) -ne 0 ] || say "waiting for the Sentinels: $answers of 3 answer"
    sleep 1
    waited=$((waited + 1))
  done
}

# This pod's Sentinel, when it watches nothing yet, learns from here; later it reads its own file.
teach_sentinel() {
  while own=$(opinion "$SELF") && [ -z "$own" ]; do sleep 1; done
  [ "$own" = none ] || return 0
  sentinel() { ask 127.0.0.1 "$SENTINEL_PORT" sentinel "$@" >/dev/null; }
  sentinel monitor "$MASTER_NAME" "$(address "$master")" "$REDIS_PORT" "$MAJORITY"
  sentinel_settings | while read -r name value; do sentinel set "$MASTER_NAME" "$name" "$value"; done
  ask 127.0.0.1 "$SENTINEL_PORT" -x sentinel set "$MASTER_NAME" auth-pass <"$PASSWORD_FILE" >/dev/null
}

# Waits while this node is named master and has nothing to be it with: the Sentinels choose another one, this pod's among them.
find_master_with_data() {
  while :; do
    find_master
    teach_sentinel
    if [ "$master" != "$SELF" ] || [ -n "$(ls -A "$DATA")" ]; then return; fi
    say 'this node is named master but its disk is empty: waiting until another one is chosen'
    sleep 1
  done
}

write_conf() {
  umask 077
  {
    echo 'include /etc/redis/redis.conf'
    echo "port $REDIS_PORT"
    echo "dir $DATA"
    echo "maxmemory $((MEMORY_LIMIT_BYTES * 3 / 5))"
    printf '%s %s\n' requirepass "$(quoted_password)"
    printf '%s %s\n' masterauth "$(quoted_password)"
    echo "replica-announce-ip $(address "$SELF")"
    echo "replica-announce-port $REDIS_PORT"
    [ "$master" = "$SELF" ] || echo "replicaof $(address "$master") $REDIS_PORT"
  } >"$CONF"
}

# Redis would lower maxclients by itself and say so in a line among many.
warn_of_few_files() {
  files=$(awk '/^Max open files/ { print $4 }' /proc/self/limits)
  if [ "$files" != unlimited ] && [ "$files" -lt "$FILES_WANTED" ]; then
    say "REDIS_FILES: this container may open $files files, $FILES_WANTED are needed for 10000 clients: raise the node's limit (LimitNOFILE of the container runtime); Redis takes at most $((files - 32)) clients"
  fi
}

# The first process of a container has to ask for it.
trap 'exit 0' TERM
mkdir -p "$DATA"
check_addresses
adopt_password
use_password
warn_of_few_files
find_master_with_data
say "node $SELF: the master is node $master"
write_conf
unset REDISCLI_AUTH
exec redis-server "$CONF"
