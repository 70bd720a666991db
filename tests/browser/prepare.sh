#!/usr/bin/env bash
# Gives a bare Debian machine what the tests of pages drive: Debian's own chromium, without what it recommends.
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# run COMMAND...: quiet, unless it fails.
run() {
    DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null || {
        tail -n 40 "$log" >&2
        echo "browser: error: '$*' failed; root and a mirror of Debian in /etc/apt are needed" >&2
        exit 1
    }
}

if [[ ! -x /usr/bin/chromium ]]; then
    run apt-get update -q
    run apt-get install -yq --no-install-recommends -o DPkg::Lock::Timeout=300 chromium
fi
echo "$(date +%T) browser: $(/usr/bin/chromium --version 2>/dev/null || echo chromium): ready in $SECONDS s" >&2
