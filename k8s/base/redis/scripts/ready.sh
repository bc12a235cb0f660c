#!/bin/sh
# True when this node answers and is not just being filled by its master. A lost master does not make its replicas unready.
set -eu
. /scripts/nodes.sh
use_password
case $(ask 127.0.0.1 "$REDIS_PORT" info replication) in
  *master_sync_in_progress:1*) exit 1 ;;
  *role:*) exit 0 ;;
  *) exit 1 ;;
esac
