#!/bin/sh
# Before a pod is stopped: if it is the master, another node takes over first. Writes are held back meanwhile; what the old master
# acknowledged after its replicas have looked away would be lost. Another pod's Sentinel is asked, for this one's ends now, too.
set -eu
. /scripts/nodes.sh
use_password

HOLD_MS=30000
SYNC_TRIES=50
SWITCH_TRIES=50

here() { ask 127.0.0.1 "$REDIS_PORT" "$@"; }

# True once every replica that is connected has all that the master has, and there is one.
replicas_have_all() {
  here info replication | awk -F '[:,=]' '
    $1 == "master_repl_offset" { have = $2 }
    /^slave[0-9]+:/ { count++; if ($0 !~ /state=online/) next; for (i = 1; i < NF; i++) if ($i == "offset") offsets[count] = $(i + 1) }
    END { for (i in offsets) { online++; if (offsets[i] != have) exit 1 } exit online ? 0 : 1 }'
}

# Asks the Sentinels of the other pods, one after the other, until one begins.
begin_switch() {
  for node in $NODES; do
    [ "$node" != "$SELF" ] || continue
    case $(ask "$(address "$node")" "$SENTINEL_PORT" sentinel failover "$MASTER_NAME") in
      OK | *INPROG*) asked=$node; return 0 ;;
    esac
  done
  return 1
}

switched() {
  now=$(ask "$(address "$asked")" "$SENTINEL_PORT" sentinel get-master-addr-by-name "$MASTER_NAME" | head -n 1)
  [ -n "$now" ] && [ "$now" != "$(address "$SELF")" ]
}

# until_true TRIES COMMAND...: tries five times a second.
until_true() {
  tries=$1
  shift
  while ! "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.2
  done
}

[ "$(here role | head -n 1)" = master ] || exit 0
here client pause "$HOLD_MS" write >/dev/null
until_true "$SYNC_TRIES" replicas_have_all || say 'hand-over: no replica has everything; stopping all the same, the data stay on this disk'
begin_switch || { say 'hand-over: no other Sentinel begins a switch; the others will notice that this node is gone'; exit 0; }
until_true "$SWITCH_TRIES" switched || say 'hand-over: no other node has taken over in time'
