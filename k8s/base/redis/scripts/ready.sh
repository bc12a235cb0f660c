#!/bin/sh
# True when this node answers and is not just being filled by its master. A lost master does not make its replicas unready.
set -eu
. /scripts/nodes.sh
use_password
here() { ask 127.0.0.1 "$REDIS_PORT" "$@"; }
[ "$(here ping)" = PONG ]
[ -z "$(here info replication | grep '^master_sync_in_progress:1' || true)" ]
