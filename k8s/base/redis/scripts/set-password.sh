#!/bin/sh
# Changes the password of this pod's Redis and Sentinel to the one in the mounted Secret, without a restart. Three steps, each on
# all three pods before the next one begins:
#   accept  takes the new password as well as the old one
#   use     uses the new one towards the other nodes
#   finish  takes the new one only (restart the bots before)
set -eu
. /scripts/nodes.sh

step=${1:-}
[ -r "$PASSWORD_FILE" ] || { say 'set-password: this pod has not started yet'; exit 1; }
use_password

# tell PORT COMMAND... : the last word comes from standard input; anything but OK is an error.
tell() {
  port=$1
  shift
  answer=$(ask 127.0.0.1 "$port" -x "$@")
  [ "$answer" = OK ] || { say "set-password: $1 $2 on port $port: ${answer:-no answer}"; exit 1; }
}

new() { printf '%s' "$(cat "$SECRET_FILE")"; }

case $step in
  accept)
    [ "$(new)" != "$REDISCLI_AUTH" ] || { say "node $SELF: the Secret in this pod is the old one still; it is renewed within a minute or two"; exit 1; }
    for port in $REDIS_PORT $SENTINEL_PORT; do { printf '>' && new; } | tell "$port" acl setuser default; done
    ;;
  use)
    new | tell "$REDIS_PORT" config set masterauth
    new | tell "$SENTINEL_PORT" sentinel config set sentinel-pass
    new | tell "$SENTINEL_PORT" sentinel set "$MASTER_NAME" auth-pass
    adopt_password
    ;;
  finish)
    for port in $REDIS_PORT $SENTINEL_PORT; do { printf '>' && new; } | tell "$port" acl setuser default resetpass; done
    ;;
  *)
    say 'usage: set-password.sh accept|use|finish'
    exit 2
    ;;
esac
say "node $SELF: $step done"
