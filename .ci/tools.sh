# shellcheck shell=bash
# What building needs: looking for it, and installing it. It is sourced after lib.sh.

# Tools must be of exactly the version of the library.
WASM_BINDGEN=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock)

TARGET_STEP='Adding the target wasm32-unknown-unknown'
NODE_PACKAGES_STEP='Installing npm packages (end2end)'
PACK_STEP='Building pack, which cuts the pages into chunks'

# apt_install PACKAGE...: as root, where there is apt.
apt_install() {
    local as_root=()
    have apt-get || return 1
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || return 1
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# need_compilers: those that nobody but the machine's owner can install, and a C compiler.
need_compilers() {
    have cargo || fail 'no cargo; install Rust by rustup (https://rustup.rs)'
    have npm || fail 'no npm; install Node.js 20 or newer'
    [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || fail "Node.js $(node --version) is too old; install version 20 or newer"
    have cc || step 'Installing a C compiler' apt_install build-essential || fail 'no C compiler; install gcc or clang'
}

have_target() { [ -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ]; }

install_target() {
    have rustup || fail 'this Rust has no target wasm32-unknown-unknown; install it, or use rustup (https://rustup.rs)'
    rustup target add wasm32-unknown-unknown
}

# have_node_packages FOLDER: are they those of its lock file?
have_node_packages() { cmp -s "$1/package-lock.json" "$1/node_modules/.installed"; }

install_node_packages() {
    # The browser is looked for below; npm's own download of one is never needed.
    (cd "$1" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error) ||
        fail "npm ci failed in $1; see above"
    cp "$1/package-lock.json" "$1/node_modules/.installed"
}

have_pack() { have pack && pack_sources | cmp -s - .tools/pack.sources; }

# install_pack: builds the program of .ci/pack, which makes of the compiled browser's half what a browser loads.
install_pack() {
    grep -q "^wasm-bindgen-cli-support = \"=$WASM_BINDGEN\"" .ci/pack/Cargo.toml ||
        fail ".ci/pack must use wasm-bindgen-cli-support $WASM_BINDGEN, the version of wasm-bindgen in Cargo.lock"
    # Outside of the project's folder, whose rustflags are for Roster.
    (cd / && cargo install --quiet --locked --root "$OLDPWD/.tools" --target-dir "$OLDPWD/.tools/target" --path "$OLDPWD/.ci/pack" --force) ||
        fail '.ci/pack could not be built; see above'
    rm -rf .tools/target
    pack_sources >.tools/pack.sources
}

# pack_sources: what pack was built from.
pack_sources() { cat .ci/pack/Cargo.lock .ci/pack/src/main.rs; }
