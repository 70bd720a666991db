# shellcheck shell=bash
# Sourced by prepare.sh: a Docker engine with Compose v2 and buildx on Debian 12, from Debian's own packages.
: "${here:?this folder}" "${scratch:?a folder for files of this run}"

# Debian 12's Compose is v1. These packages of Debian 13 need only libc 2.34 (Debian 12 has 2.36), so they
# install as they are; runc is not among them because Debian 13's needs libc 2.38 and Debian 12's does the job.
ENGINE_SUITE=trixie
ENGINE_PACKAGES=(docker.io docker-cli docker-compose docker-buildx containerd)
ENGINE_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
MACHINE_SUITE=bookworm
POLICY_RC_D=/usr/sbin/policy-rc.d
DOCKERD_START_TIMEOUT_S=60

engine_answers() { docker info >/dev/null 2>&1; }
has_compose_v2() { docker compose version --short 2>/dev/null | grep -E '^v?([2-9]|[1-9][0-9]+)\.' >/dev/null; }
has_buildx() { docker buildx version >/dev/null 2>&1; }

# machine_mirrors: "URI SUITE" of each Debian 12 archive that this machine's apt uses, one a line. Asked of apt
# and not of its files, which come in two formats; --print-uris answers even where no index was ever fetched.
machine_mirrors() {
    apt-get update --print-uris |
        sed -nE "s#^'(.+)/dists/($MACHINE_SUITE(-updates|-security)?)/InRelease' .*#\1 \2#p"
}

# write_apt_view: an apt configuration that is this machine's own plus the pinned engine packages. It lives in
# the scratch folder, so the machine's apt sources, preferences and indexes stay as they are.
write_apt_view() {
    local view="$scratch/apt" mirror
    mirror=$(machine_mirrors | awk -v suite="$MACHINE_SUITE" '$2 == suite && !found { print $1; found = 1 }')
    [[ -n "$mirror" ]] || fail "apt on this machine has no source for Debian 12 ($MACHINE_SUITE)" \
        "Add one to /etc/apt/sources.list.d. On other systems install Docker as docs.docker.com describes."

    mkdir -p "$view/sources.list.d" "$view/preferences.d" "$view/lists/partial"
    cp -a /etc/apt/sources.list.d/. "$view/sources.list.d/"
    cp -a /etc/apt/preferences.d/. "$view/preferences.d/"
    echo "deb [signed-by=$ENGINE_KEYRING] $mirror $ENGINE_SUITE main" >"$view/sources.list.d/engine.list"
    cat >"$view/preferences.d/engine" <<PIN
Package: *
Pin: release n=$ENGINE_SUITE
Pin-Priority: -1

Package: ${ENGINE_PACKAGES[*]}
Pin: release n=$ENGINE_SUITE
Pin-Priority: 990
PIN
    cat >"$view/apt.conf" <<CONF
Dir::Etc::SourceParts "$view/sources.list.d";
Dir::Etc::PreferencesParts "$view/preferences.d";
Dir::State::Lists "$view/lists";
CONF
}

# apt_install PACKAGE...: those of the engine from Debian 13, all others from Debian 12.
apt_install() {
    local log="$scratch/apt.log"
    export APT_CONFIG="$scratch/apt/apt.conf"
    if [[ ! -e "$APT_CONFIG" ]]; then
        say "reading the package indexes of Debian 12 and 13"
        (unset APT_CONFIG && write_apt_view)
        apt-get update -q >"$log" 2>&1 || {
            show_end "$log"
            fail "apt-get update failed" "The mirror in /etc/apt/sources.list.d must be reachable and have $ENGINE_SUITE too."
        }
    fi
    say "installing $*"
    # Without a service manager a package script that starts its service fails; dockerd is started below.
    if [[ ! -e "$POLICY_RC_D" ]]; then
        made_policy_rc_d=yes
        printf '#!/bin/sh\nexit 101\n' >"$POLICY_RC_D"
        chmod +x "$POLICY_RC_D"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "$@" >>"$log" 2>&1 || {
        show_end "$log"
        fail "apt-get install failed" \
            "The lines above are apt's last. 'Unable to locate' means the mirror in /etc/apt is unreachable or lacks $ENGINE_SUITE."
    }
    remove_policy_rc_d
    unset APT_CONFIG
}

# remove_policy_rc_d: also called on the way out, whatever happened; one that was there before stays.
remove_policy_rc_d() {
    if [[ "${made_policy_rc_d:-}" == yes ]]; then rm -f "$POLICY_RC_D"; fi
    made_policy_rc_d=
}

# start_dockerd: detached from this terminal, and known to stop.sh.
start_dockerd() {
    local config=/etc/docker/daemon.json deadline=$((SECONDS + DOCKERD_START_TIMEOUT_S))
    [[ -e "$config" ]] || config="$here/daemon.json"
    say "starting dockerd with $config, log in $DOCKERD_LOG"
    # 9 is the lock of prepare.sh: the daemon must not keep it
    setsid --fork dockerd --config-file "$config" >"$DOCKERD_LOG" 2>&1 </dev/null 9>&-
    until engine_answers; do
        if ((SECONDS >= deadline)); then
            show_end "$DOCKERD_LOG"
            fail "dockerd did not answer within $DOCKERD_START_TIMEOUT_S s" \
                "The lines above are the end of $DOCKERD_LOG. It needs mounted cgroups, iptables and a kernel with overlayfs."
        fi
        sleep 0.25
    done
    cp /var/run/docker.pid "$DOCKERD_PID_FILE"
    remove_leftovers
}

# stop_replaced_dockerd: after an upgrade the running daemon's containerd and shims are gone from under it.
stop_replaced_dockerd() {
    local running installed
    engine_answers || return 0
    running=$(docker version --format '{{.Server.Version}}')
    installed=$(dockerd --version | sed -E 's/.*version ([^,]+),.*/\1/')
    [[ "$running" != "$installed" ]] || return 0
    say "stopping engine $running, which $installed has replaced"
    stop_dockerd "$(cat /var/run/docker.pid)"
}

# ensure_engine: installs and starts what is missing, and nothing else.
ensure_engine() {
    if engine_answers && has_compose_v2 && has_buildx; then
        say "an engine with Compose v2 and buildx answers: nothing to install"
        return
    fi
    if ! { command -v dockerd >/dev/null && has_compose_v2 && has_buildx; }; then
        grep -q "^VERSION_CODENAME=$MACHINE_SUITE$" /etc/os-release || fail "this is not Debian 12 ($MACHINE_SUITE)" \
            "Install Docker, Compose v2 and buildx as docs.docker.com describes for this system."
        # One command for all: Debian 13's client refuses to stand beside Debian 12's engine.
        apt_install "${ENGINE_PACKAGES[@]}" iptables "${STANDIN_TOOLS[@]}"
        hash -r
        stop_replaced_dockerd
    fi
    engine_answers || start_dockerd
    local hint
    hint="'$(command -v docker)' must find its plugins in /usr/libexec/docker/cli-plugins; 'docker info' lists those it found."
    has_compose_v2 || fail "'docker compose' is missing or not v2" "$hint"
    has_buildx || fail "'docker buildx' is missing" "$hint"
}
