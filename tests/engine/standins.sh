# shellcheck shell=bash
# Sourced by prepare.sh: local images under the tags of Docker Hub's, for a machine that cannot pull.
: "${here:?this folder}" "${scratch:?a folder for files of this run}"

STANDIN_BASE=mwaa-local/stand-in-base:bookworm
STANDIN_TOOLS=(mmdebstrap binutils)
POSTGRES_TAG=postgres:16-alpine
REDIS_TAG=redis:7-alpine
MACHINE_CA_DIR=/usr/local/share/ca-certificates
CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
BYTES_PER_MB=1000000 # as docker image ls counts

python_tag() { echo "python:$1-slim-bookworm"; }
have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# make_unless_there TAG COMMAND...: and say how long it took and how big it is.
make_unless_there() {
    local tag=$1 started=$SECONDS bytes
    shift
    if have_image "$tag"; then
        say "$tag is there"
        return
    fi
    "$@"
    bytes=$(docker image inspect --format '{{.Size}}' "$tag")
    say "$tag made in $((SECONDS - started)) s, $((bytes / BYTES_PER_MB)) MB"
}

# build_image TAG CONTEXT [OPTION...]: docker build, silent unless it fails.
build_image() {
    local tag=$1 context=$2 log
    shift 2
    log="$scratch/build-${tag//[^a-z0-9.]/-}.log"
    docker build --progress plain --tag "$tag" --build-arg "STANDIN_BASE=$STANDIN_BASE" "$@" "$context" >"$log" 2>&1 || {
        show_end "$log"
        fail "building the stand-in $tag failed" \
            "The lines above are docker build's last. Containers must reach this machine's package mirrors."
    }
}

machine_has_extra_ca() { compgen -G "$MACHINE_CA_DIR/*.crt" >/dev/null; }

# machine_apt_settings: how this machine's apt gets at its mirrors (proxy, dates not checked), as apt.conf lines.
machine_apt_settings() {
    apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|ForceIPv4|https?::Proxy) ' || true
}

# machine_pip_setting KEY: its values in this machine's pip settings, the environment's (which pip lists first)
# before a file's. Addresses of local files are left out because containers do not see them.
machine_pip_setting() {
    { python3 -m pip config list 2>/dev/null || true; } |
        sed -nE "s/^[^=]*\.$1='(.*)'$/\1/p" | sed -n '1s/\\n/ /g; 1p' |
        tr -s ' ' '\n' | { grep -v '^file:' || true; } | awk 'NF && !seen[$0]++' | paste -sd ' '
}

# write_index_settings DIR: pip.conf and uv.toml with this machine's package indexes. Files and not ENV, so that
# a Dockerfile's build arguments still win over them, as they do on the upstream images.
write_index_settings() {
    local dir=$1 index extra hosts url
    mkdir -p "$dir"
    index=$(machine_pip_setting index-url)
    index=${index:-${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-}}}
    extra=$(machine_pip_setting extra-index-url)
    hosts=$(machine_pip_setting trusted-host)
    {
        echo '[global]'
        # pip before 24.2 does not look at the system's certificates by itself
        if machine_has_extra_ca; then echo "cert = $CA_BUNDLE"; fi
        if [[ -n "$index" ]]; then echo "index-url = $index"; fi
        if [[ -n "$extra" ]]; then echo "extra-index-url = $extra"; fi
        if [[ -n "$hosts" ]]; then echo "trusted-host = $hosts"; fi
    } >"$dir/pip.conf"
    {
        if [[ -n "$hosts" ]]; then echo "allow-insecure-host = [\"${hosts// /\", \"}\"]"; fi
        for url in $extra; do printf '[[index]]\nurl = "%s"\n' "$url"; done
        if [[ -n "$index" ]]; then printf '[[index]]\nurl = "%s"\ndefault = true\n' "$index"; fi
    } >"$dir/uv.toml"
}

# make_base: Debian 12 as small as its "slim" images, in one layer, with this machine's mirrors and certificates.
make_base() {
    local log="$scratch/mmdebstrap.log" tar="$scratch/base.tar" line options=() changes=() sources=()
    say "making the base of the stand-ins from Debian packages"
    mapfile -t sources < <(machine_mirrors | sed 's/.*/deb & main/')
    ((${#sources[@]} > 0)) || fail "apt on this machine has no source for Debian 12 ($MACHINE_SUITE)" \
        "The stand-ins are made from Debian 12's packages: add a source to /etc/apt/sources.list.d."
    while read -r line; do options+=(--aptopt="$line"); done < <(machine_apt_settings)
    for line in path-exclude=/usr/share/{doc,man,info,locale,lintian}/'*' 'path-include=/usr/share/doc/*/copyright'; do
        options+=(--dpkgopt="$line")
    done

    # mmdebstrap calls the hooks with the new root folder as $1
    local root="\"\$1\""
    write_index_settings "$scratch/index"
    options+=(
        --customize-hook="mkdir $root/etc/uv && cp '$scratch/index/uv.toml' $root/etc/uv/ && cp '$scratch/index/pip.conf' $root/etc/"
        --customize-hook="cp '$here/standins/base/docker-clean' $root/etc/apt/apt.conf.d/"
        --customize-hook="rm -rf $root/var/log/* $root/var/cache/apt/*.bin $root/var/cache/debconf/*-old"
    )
    if machine_has_extra_ca; then
        # Not straight into the bundle: installing ca-certificates later makes that anew.
        options+=(--customize-hook="cp $MACHINE_CA_DIR/*.crt $root$MACHINE_CA_DIR/ && chroot $root update-ca-certificates")
        changes+=(--change "ENV SSL_CERT_FILE=$CA_BUNDLE REQUESTS_CA_BUNDLE=$CA_BUNDLE")
    fi

    # usr-is-merged, true of the folders that the hook makes, is instead of usrmerge, which brings all of perl
    mmdebstrap --variant=minbase --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
        --include=usr-is-merged,ca-certificates,netbase,tzdata "${options[@]}" \
        "$MACHINE_SUITE" "$tar" "${sources[@]}" >"$log" 2>&1 || {
        show_end "$log"
        fail "mmdebstrap could not make the base of the stand-ins" \
            "The lines above are its last. The mirrors of this machine's apt must be reachable."
    }
    docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'CMD ["bash"]' \
        "${changes[@]}" "$tar" "$STANDIN_BASE" >/dev/null
    rm "$tar"
}

# pyenv_tree MINOR: the newest patch release of it that pyenv has; nothing when it has none.
pyenv_tree() {
    local root
    root=${PYENV_ROOT:-$(pyenv root 2>/dev/null || echo "$HOME/.pyenv")}
    { find "$root/versions" -maxdepth 1 -type d -regex ".*/${1//./\\.}\.[0-9]+" 2>/dev/null || true; } | sort -V | tail -n 1
}

# copy_python TREE TARGET: a pyenv tree as upstream's images have it under /usr/local. Nobody's packages, no tests,
# no byte code (upstream has none either), no static libraries, no debug symbols, and its new place in its files.
copy_python() {
    local tree=$1 target=$2 built_in
    # where it was built, which is elsewhere when the tree has been moved or mounted
    built_in=$(sed -nE "s/^.*'prefix': '([^']+)'.*/\1/p" "$tree"/lib/python3*/_sysconfigdata*.py | sed -n 1p)
    mkdir -p "$target/bin"
    tar -C "$tree" --exclude='site-packages/*' --exclude=__pycache__ --exclude='*.a' --exclude=test --exclude=tests \
        --exclude=idlelib --exclude=tkinter --exclude=turtledemo --exclude='_tkinter*.so' --exclude='wininst-*.exe' \
        -cf - include lib | tar -C "$target" -xf -
    find "$tree/bin" -regextype posix-extended -regex '.*/(python|pydoc)[0-9.]*m?(-config)?' -exec cp -a -t "$target/bin" {} +
    ln -sf python3 "$target/bin/python"
    ln -sf python3-config "$target/bin/python-config"
    ln -sf pydoc3 "$target/bin/pydoc"
    # The pattern matches scripts too, which strip does not know and leaves alone.
    find "$target" -type f \( -name '*.so' -o -name '*.so.*' -o -path '*/bin/python*' \) \
        -exec strip --strip-unneeded {} + 2>/dev/null || true
    { grep -rIlF "$built_in" "$target" || true; } | xargs -r sed -i "s#$built_in#/usr/local#g"
}

# make_python MINOR
make_python() {
    local context="$scratch/python-$1" tree
    tree=$(pyenv_tree "$1")
    mkdir "$context"
    # files alone: byte code that somebody compiled beside them is a folder, and cp would end with an error
    find "$here/standins/python" -maxdepth 1 -type f -exec cp -t "$context" {} +
    copy_python "$tree" "$context/tree"
    build_image "$(python_tag "$1")" "$context" --build-arg "PYTHON_VERSION=${tree##*/}"
    rm -r "$context"
}

# ensure_standins PYTHON_MINOR...: the databases beside the Pythons, as two cores allow.
ensure_standins() {
    local minor tag databases todo=()
    for tag in "$POSTGRES_TAG" "$REDIS_TAG" "$@"; do
        if [[ "$tag" != *:* ]]; then tag=$(python_tag "$tag"); fi
        have_image "$tag" || todo+=("$tag")
    done
    if ((${#todo[@]} == 0)); then
        say "all images are there: $POSTGRES_TAG $REDIS_TAG and python for $*"
        return
    fi
    if ! { command -v mmdebstrap && command -v strip; } >/dev/null; then apt_install "${STANDIN_TOOLS[@]}"; fi
    make_unless_there "$STANDIN_BASE" make_base
    (
        make_unless_there "$POSTGRES_TAG" build_image "$POSTGRES_TAG" "$here/standins/postgres"
        make_unless_there "$REDIS_TAG" build_image "$REDIS_TAG" "$here/standins/redis"
    ) &
    databases=$!
    for minor in "$@"; do
        make_unless_there "$(python_tag "$minor")" make_python "$minor"
    done
    wait "$databases" || fail "a database image is missing" "The reason is above, among the lines of the images made beside it."
}
