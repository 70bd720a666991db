#!/usr/bin/env bash
# Gives a bare Debian 12 machine what the Compose tests need: a Docker engine, Compose v2, buildx, and local
# images that stand in for those of Docker Hub. See README.md in this folder.
#   prepare.sh [PYTHON_MINOR...]      default: 3.12 3.11 3.7
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/engine/common.sh
source "$here/common.sh"

DEFAULT_PYTHONS=(3.12 3.11 3.7)
LOCK=/run/lock/mwaa-local-engine.lock

for minor in "$@"; do
    [[ "$minor" =~ ^3\.[0-9]+$ ]] || fail "'$minor' is not a Python minor version" \
        "Usage: prepare.sh [PYTHON_MINOR...], such as: prepare.sh 3.12 3.11"
done
if (($# == 0)); then set -- "${DEFAULT_PYTHONS[@]}"; fi
require_root "install packages and to start dockerd"

# Two runs at once would install and build the same things over each other.
exec 9>"$LOCK"
flock --nonblock 9 || { say "waiting for another run of this script" && flock 9; }

scratch=$(mktemp -d)
chmod 755 "$scratch" # apt reads its indexes there as the user _apt
# shellcheck source=tests/engine/install_engine.sh
source "$here/install_engine.sh"
# shellcheck source=tests/engine/standins.sh
source "$here/standins.sh"

clean_up() {
    wait # for an image that is still being made when another has failed: it logs to the scratch folder
    remove_policy_rc_d
    rm -rf "$scratch"
}
trap clean_up EXIT

ensure_engine

pythons=() missing=()
for minor in "$@"; do
    if have_image "$(python_tag "$minor")" || [[ -n "$(pyenv_tree "$minor")" ]]; then
        pythons+=("$minor")
    else
        missing+=("$minor")
    fi
done
ensure_standins "${pythons[@]}"

say "engine $(docker version --format '{{.Server.Version}}'), Compose $(docker compose version --short)," \
    "$(docker buildx version | awk '{ print "buildx " $2 }'): ready in $SECONDS s"
if ((${#missing[@]} > 0)); then
    fail "no stand-in for Python ${missing[*]}: pyenv has no such version" \
        "Install it (pyenv install ${missing[0]}) and run this script again, or ask for others only: prepare.sh ${pythons[*]:-3.12}"
fi
