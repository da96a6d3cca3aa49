#!/bin/sh
# Builds the native part and puts it where Erlang loads it from: priv/farrier_nif.so.
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
library=$target/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}release/libfarrier_nif.so
if [ -f priv/farrier_nif.so ]; then quiet=--quiet; else
    quiet=
    echo "farrier: building the native part (the first time takes a few minutes)"
fi
cargo build --release --locked $quiet -p farrier-nif --target-dir "$target" ||
    fail "cargo could not build the native part; what it says above tells why"

# Renamed into place: a node that runs keeps the file that it has loaded.
if ! cmp -s "$library" priv/farrier_nif.so; then
    mkdir -p priv
    cp "$library" "priv/farrier_nif.so.$$"
    mv -f "priv/farrier_nif.so.$$" priv/farrier_nif.so
fi
