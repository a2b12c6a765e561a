# shellcheck shell=bash
# What the scripts of this folder share. It is sourced, and leaves the caller in the project's folder.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
PATH=$PWD/.tools/bin:$PWD/end2end/node_modules/.bin:$PATH

# have COMMAND: is it on the path?
have() { command -v "$1" >/dev/null 2>&1; }

# fail TEXT: what is missing or wrong, and what to do.
fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# step WHAT COMMAND...: runs it, and says what it is and how long it took. Where `steps` says how many there are, they are numbered.
step() {
    local what=$1 begin=$SECONDS
    shift
    number=$((${number:-0} + 1))
    printf '==> %s%s\n' "${steps:+$number/$steps }" "$what"
    "$@" || return
    printf '    done in %d s\n' $((SECONDS - begin))
}

# find_postgres: the folder of PostgreSQL's server programs. Debian keeps them off the path, the newest version last.
find_postgres() {
    local folder found=
    if have initdb && have pg_ctl; then
        dirname "$(readlink -f "$(command -v initdb)")"
        return
    fi
    for folder in /usr/lib/postgresql/*/bin; do
        if [ -x "$folder/initdb" ]; then found=$folder; fi
    done
    [ -n "$found" ] && printf '%s\n' "$found"
}

# find_chromium: a Chromium or Chrome: the one that CHROMIUM names, one on the path, or Playwright's own.
find_chromium() {
    local name
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
        if [ -n "$name" ] && have "$name" && "$name" --version >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    name=$(cd end2end && node -p 'require("@playwright/test").chromium.executablePath()' 2>/dev/null) && [ -x "$name" ] &&
        printf '%s\n' "$name"
}

# free_port: a port of 127.0.0.1 that nobody listens on.
free_port() {
    node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}
