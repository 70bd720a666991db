#!/usr/bin/env bash
# Stops the dockerd that prepare.sh has started, and no other. Images and volumes stay for the next time.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/engine/common.sh
source "$here/common.sh"

if [[ ! -e "$DOCKERD_PID_FILE" ]]; then
    say "prepare.sh has started no engine here: nothing to stop"
    exit
fi
require_root "stop dockerd"
pid=$(cat "$DOCKERD_PID_FILE")
if is_dockerd "$pid"; then
    remove_leftovers
    say "stopping dockerd (process $pid) and the containers it runs"
    stop_dockerd "$pid"
    say "stopped in $SECONDS s"
else
    say "the engine that prepare.sh has started is no longer running"
fi
rm -f "$DOCKERD_PID_FILE"
