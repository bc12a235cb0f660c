#!/bin/sh
# Before a pod is stopped: a primary waits until a standby may take over (one that was just restarted may not yet), and writes its
# buffers out, so that the stop itself is short. Patroni does the rest when it is told to stop.
set -eu
. /scripts/pod.sh

WAIT_S=20

has_standby() { patronictl -c "$CONFIG" list --format json 2>/dev/null | grep -q '"Role": "Sync Standby"'; }

is_primary || exit 0
end=$(($(date +%s) + WAIT_S))
until has_standby; do
  [ "$(date +%s)" -lt "$end" ] || { say 'hand-over: no standby has everything; stopping all the same'; break; }
  sleep 1
done
superuser --command CHECKPOINT
