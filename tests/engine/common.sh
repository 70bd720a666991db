# shellcheck shell=bash
# Sourced by the scripts of this folder: how they speak, and the places they agree on.

# shellcheck disable=SC2034  # read by the scripts that source this file
DOCKERD_LOG=/var/log/mwaa-local-dockerd.log
# Written when prepare.sh starts dockerd: stop.sh ends only the daemon that this file names.
# shellcheck disable=SC2034
DOCKERD_PID_FILE=/run/mwaa-local-dockerd.pid
# Longer than any container's stop_grace_period in docker-compose.yml (120 s): dockerd waits that long for one that is stuck.
DOCKERD_STOP_TIMEOUT_S=150
# Compose labels a container with its project and the folder of that project; tests have theirs in pytest's own.
COMPOSE_PROJECT_LABEL=com.docker.compose.project
COMPOSE_FOLDER_LABEL=com.docker.compose.project.working_dir
TEST_FOLDER='/pytest-of-[^/]+/pytest-[0-9]+/'

# say MESSAGE...: one line of progress with the time on stderr; stdout stays free.
say() { printf '%s engine: %s\n' "$(date +%T)" "$*" >&2; }

# fail WHAT HINT: what went wrong and what to do about it, then leave.
fail() {
    say "error: $1"
    say "       $2"
    exit 1
}

# show_end FILE: the last lines of a log, marked as such, before fail explains them. docker build ends with an
# excerpt of the Dockerfile, and what the failing command said is above that.
show_end() { tail -n 40 "$1" 2>/dev/null | sed 's/^/    | /' >&2 || true; }

require_root() { [[ $(id -u) == 0 ]] || fail "root is needed to $1" "Run this script as root."; }

# is_dockerd PID: false for a process id that something else has by now, and for one that has ended but was not
# yet waited for (its command line is empty), as happens where process 1 is no init.
is_dockerd() { tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -E '^(\S*/)?dockerd ' >/dev/null; }

# remove_leftovers: what tests that were cut off have left on the engine, which starts their containers again each time
# it starts itself. Only for when no tests can be running.
remove_leftovers() {
    local projects project containers
    projects=$(docker ps --all --format "{{.Label \"$COMPOSE_PROJECT_LABEL\"}} {{.Label \"$COMPOSE_FOLDER_LABEL\"}}" |
        grep -E "$TEST_FOLDER" | cut -d' ' -f1 | sort -u) || return 0
    for project in $projects; do
        say "removing $project, which an interrupted test has left"
        mapfile -t containers < <(docker ps --all --quiet --filter "label=$COMPOSE_PROJECT_LABEL=$project")
        docker rm --force --volumes "${containers[@]}" >/dev/null
        docker network prune --force --filter "label=$COMPOSE_PROJECT_LABEL=$project" >/dev/null
        docker volume prune --all --force --filter "label=$COMPOSE_PROJECT_LABEL=$project" >/dev/null
    done
}

# stop_dockerd PID: returns when it has ended. It gives its containers 15 s each, all at once.
stop_dockerd() {
    local deadline=$((SECONDS + DOCKERD_STOP_TIMEOUT_S))
    kill "$1"
    while is_dockerd "$1"; do
        ((SECONDS < deadline)) || fail "dockerd did not stop within $DOCKERD_STOP_TIMEOUT_S s" \
            "See the end of $DOCKERD_LOG; 'kill -9 $1' ends it at once."
        sleep 0.25
    done
}
