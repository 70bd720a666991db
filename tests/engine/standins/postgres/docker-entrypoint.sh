#!/bin/bash
# What the upstream image documents, in short: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB (each also as *_FILE),
# POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, PGDATA and the scripts in /docker-entrypoint-initdb.d.
set -euo pipefail

# take_from_file NAME: NAME_FILE names a file that holds the value of NAME.
take_from_file() {
    local file_variable="$1_FILE"
    if [[ -n "${!file_variable:-}" ]]; then
        printf -v "$1" '%s' "$(cat "${!file_variable}")"
        export "${1?}"
        unset "$file_variable"
    fi
}

as_superuser() { psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password "$@"; }

create_cluster() {
    if [[ -z "${POSTGRES_PASSWORD:-}" && "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]]; then
        echo 'Error: the database is new and there is no superuser password. Set POSTGRES_PASSWORD.' >&2
        exit 1
    fi
    local options=()
    read -ra options <<<"${POSTGRES_INITDB_ARGS:-}"
    if [[ -n "${POSTGRES_PASSWORD:-}" ]]; then
        initdb --username "$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${options[@]}"
    else
        initdb --username "$POSTGRES_USER" "${options[@]}"
    fi
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
}

# The server that runs them listens on the socket only, so nobody takes it for the final one.
run_init_scripts() {
    local script
    export PGPASSWORD="${POSTGRES_PASSWORD:-}"
    pg_ctl -D "$PGDATA" -w -o "-c listen_addresses=''" start
    if [[ "$POSTGRES_DB" != postgres ]]; then
        as_superuser --dbname postgres --quiet --set database="$POSTGRES_DB" <<<'CREATE DATABASE :"database"'
    fi
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
            *.sh)
                # shellcheck source=/dev/null
                if [[ -x "$script" ]]; then "$script"; else source "$script"; fi
                ;;
            *.sql) as_superuser --dbname "$POSTGRES_DB" --file "$script" ;;
            *.sql.gz) gunzip -c "$script" | as_superuser --dbname "$POSTGRES_DB" ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
    echo 'PostgreSQL init process complete; ready for start up.'
}

if [[ "${1:-}" == -* ]]; then set -- postgres "$@"; fi
if [[ "${1:-}" != postgres || "${2:-}" =~ ^(-\?|--help|-V|--version)$ ]]; then exec "$@"; fi

if [[ $(id -u) == 0 ]]; then
    mkdir -p "$PGDATA" && chmod 700 "$PGDATA"
    find "$PGDATA" \! -user postgres -exec chown postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

take_from_file POSTGRES_PASSWORD
take_from_file POSTGRES_USER
take_from_file POSTGRES_DB
export POSTGRES_USER="${POSTGRES_USER:-postgres}"
export POSTGRES_DB="${POSTGRES_DB:-$POSTGRES_USER}"
if [[ ! -s "$PGDATA/PG_VERSION" ]]; then
    create_cluster
    run_init_scripts
fi
exec "$@"
