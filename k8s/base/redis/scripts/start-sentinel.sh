#!/bin/sh
# Starts Sentinel. Its file is written afresh at every start, so that new settings, a new password and new addresses hold; what
# Sentinel itself has learnt (who is master, in which epoch) is carried over from the file on the disk. Its identity follows
# from the pod's name, so that a lost disk does not leave a dead fourth Sentinel in the others' count.
# Without such a file it starts with no master and is told of one by start-redis.sh.
set -eu
. /scripts/nodes.sh

# identity NODE: the 40 hexadecimal digits that the node's Sentinel goes by.
identity() { printf 'redis-sentinel-%s' "$1" | sha1sum | cut -c 1-40; }

# learnt WORD...: what follows these words in the file of the last run.
learnt() { sed -n "s/^$* //p" "$SENTINEL_CONF" 2>/dev/null | head -n 1; }

# The number of the last master; nothing at a first start. Its address is looked up among those of the last run, which may be
# other ones than today's: Services that were deleted and made again get new addresses.
last_master() {
  old=$(learnt sentinel monitor "$MASTER_NAME")
  [ -n "$old" ] || return 0
  sed -n "s/^# node \([0-9]\) ${old%% *}\$/\1/p" "$SENTINEL_CONF" | head -n 1
}

write_conf() {
  echo "sentinel myid $(identity "$SELF")"
  for node in $NODES; do echo "# node $node $(address "$node")"; done
  echo "port $SENTINEL_PORT"
  echo 'dir /tmp'
  printf '%s %s\n' requirepass "$(quoted_password)"
  printf '%s %s\n' 'sentinel sentinel-pass' "$(quoted_password)"
  echo "sentinel announce-ip $(address "$SELF")"
  echo "sentinel announce-port $SENTINEL_PORT"
  echo 'sentinel deny-scripts-reconfig yes'
  master=$(last_master)
  [ -z "$master" ] || write_master
  epoch=$(learnt sentinel current-epoch)
  echo "sentinel current-epoch ${epoch:-0}"
}

write_master() {
  echo "sentinel monitor $MASTER_NAME $(address "$master") $REDIS_PORT $MAJORITY"
  sentinel_settings | while read -r name value; do echo "sentinel $name $MASTER_NAME $value"; done
  printf 'sentinel auth-pass %s %s\n' "$MASTER_NAME" "$(quoted_password)"
  for kind in config-epoch leader-epoch; do
    epoch=$(learnt "sentinel $kind $MASTER_NAME")
    echo "sentinel $kind $MASTER_NAME ${epoch:-0}"
  done
  for node in $NODES; do
    [ "$node" = "$master" ] || echo "sentinel known-replica $MASTER_NAME $(address "$node") $REDIS_PORT"
    [ "$node" = "$SELF" ] || echo "sentinel known-sentinel $MASTER_NAME $(address "$node") $SENTINEL_PORT $(identity "$node")"
  done
}

mkdir -p "${SENTINEL_CONF%/*}"
check_addresses
adopt_password
umask 077
write_conf >"$SENTINEL_CONF.new"
mv "$SENTINEL_CONF.new" "$SENTINEL_CONF"
exec redis-server "$SENTINEL_CONF" --sentinel
