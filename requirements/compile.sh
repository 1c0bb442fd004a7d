#!/bin/sh
# Turns lotus.in, test.in and bare.in into the two locks that start_lotus.sh and run_tests.sh install:
#   lotus.lock   what LOTUS runs on: lotus.in with what it needs, bare.in without
#   test.lock    the same and what the tests need
# Universal: one lock for Python 3.11 to 3.14 on every system, exact versions, hashes, no address of an index.
# Needs `uv`. Versions that a lock already holds stay, unless --upgrade (or --upgrade-package NAME) is given.
set -eu
cd "$(dirname "$0")"

compile() { # SOURCE OUTPUT [OPTION]...
    source=$1 output=$2
    shift 2
    uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links "$@" "$source" --output-file "$output" >/dev/null
}

write() { # TITLE FILE...: one lock out of its parts
    title=$1
    shift
    printf '# %s\n# Made by requirements/compile.sh; installed with --no-deps --require-hashes.\n' "$title"
    cat "$@"
}

parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
# A lock that is there is where uv takes the versions from that it keeps.
for name in lotus test; do
    if [ -f "$name.lock" ]; then cp "$name.lock" "$parts/$name.txt"; fi
done
if [ -f lotus.lock ]; then cp lotus.lock "$parts/bare.txt"; fi

compile test.in "$parts/test.txt" "$@"
# The tests' versions hold for LOTUS too, so that test.lock is lotus.lock and more.
grep -E '^[a-z0-9].*==' "$parts/test.txt" | sed 's/ *\\$//' >"$parts/pins.txt"
compile lotus.in "$parts/lotus.txt" --constraint "$parts/pins.txt"
compile bare.in "$parts/bare.txt" --no-deps

write "What LOTUS runs on." "$parts/lotus.txt" "$parts/bare.txt" >lotus.lock
write "What LOTUS runs on, and what its tests need." "$parts/test.txt" "$parts/bare.txt" >test.lock
