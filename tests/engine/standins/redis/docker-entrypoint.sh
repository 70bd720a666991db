#!/bin/sh
# As upstream's: options alone mean redis-server, and root becomes redis.
set -eu

case "${1:-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1:-}" = redis-server ]; then
    shift
    # Upstream's server is built with protected mode off. A configuration file must stay the first argument.
    case "${1:-}" in
        -h | --help | -v | --version) exec redis-server "$@" ;;
        *.conf) set -- redis-server "$@" --protected-mode no ;;
        *) set -- redis-server --protected-mode no "$@" ;;
    esac
    if [ "$(id -u)" = 0 ]; then
        find . \! -user redis -exec chown redis {} +
        exec setpriv --reuid=redis --regid=redis --init-groups "$@"
    fi
fi
exec "$@"
