#!/bin/sh
# alive.sh PORT: true while the process on that port answers anything at all. No password is sent: a refusal is an answer, and a
# changed Secret or too many clients must not restart a healthy process.
set -eu
answer=$(timeout 4 redis-cli -h 127.0.0.1 -p "$1" ping 2>/dev/null)
case $answer in
  PONG | NOAUTH* | ERR*) exit 0 ;;
  *) exit 1 ;;
esac
