#!/bin/sh
# Builds the native part and puts it where Erlang finds it: priv/farrier_nif.so, which it loads, and priv/farrier_port, which
# it starts.
# rebar3 runs this before it compiles. `build.sh check` only looks whether Rust is there.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
needed=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$root/Cargo.toml")

fail() {
    echo "farrier: $*" >&2
    exit 1
}

# at_least 1.95.0 1.91: is the first version the second or a later one?
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

# Rust installed by rustup is found even where a login shell has not put it on the PATH.
PATH="$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin"
install="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"

command -v cargo >/dev/null && command -v rustc >/dev/null ||
    fail "Rust $needed or later is needed to build the native part, and cargo or rustc is missing; install it with: $install"
found=$(rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
[ -n "$found" ] ||
    fail "rustc is there but does not run; set it up with: rustup default stable"
at_least "$found" "$needed" ||
    fail "Rust $needed or later is needed to build the native part, and this is Rust $found; update it with: rustup update stable (or install it with: $install)"
command -v cc >/dev/null ||
    fail "a C linker is needed to build the native part, and cc is missing; install it with: apt-get install gcc libc6-dev"
[ "${1:-}" != check ] || exit 0

target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$root/$target ;; esac

cd "$root"
built=$target/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}release
if [ -f priv/farrier_nif.so ] && [ -f priv/farrier_port ]; then quiet=--quiet; else
    quiet=
    echo "farrier: building the native part (the first time takes a few minutes)"
fi
cargo build --release --locked $quiet -p farrier-nif -p farrier-port --target-dir "$target" ||
    fail "cargo could not build the native part; what it says above tells why"

# Renamed into place: a node that runs keeps the files that it has opened.
install_file() {
    if ! cmp -s "$1" "priv/$2"; then
        mkdir -p priv
        cp "$1" "priv/$2.$$"
        mv -f "priv/$2.$$" "priv/$2"
    fi
}
install_file "$built/libfarrier_nif.so" farrier_nif.so
install_file "$built/farrier_port" farrier_port
