#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs and compiles what README.md and Documentation/*.md show; `make test` calls it.
#
#   Documentation/check.sh UQ [FILE ...]
#
# UQ is the program. The blocks of a file are taken by their language:
#
#   sh, console     run in order in one copy of Examples/digits, with uq on PATH. In console blocks the
#                   lines after `$ ` are commands; the others must come out of them in that order, where
#                   numbers and spaces do not count and `...` stands for anything.
#   sh build, text  left alone: the former would build the project, the latter is no program
#   c               compiled, with an export of the bundled network at hand
#   c excerpt, swift excerpt
#                   every line must stand in the exported C, or in Sources
#
# Any other language is an error, so that no block escapes unseen.
set -eu
unset CDPATH
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { echo "usage: $0 UQ [FILE ...]" >&2; exit 64; }
uq=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
cd "$root"
[ $# -gt 0 ] || set -- README.md CONTRIBUTING.md Documentation/*.md

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin" "$scratch/sample"
ln -s "$uq" "$scratch/bin/uq"
PATH=$scratch/bin:$PATH
export PATH

# What the C blocks compile against, and what excerpts are looked up in.
cp -R Examples/digits/. "$scratch/sample"
(
    cd "$scratch/sample"
    uq calibrate --quiet --data samples/calib
    uq export --quiet --bits 4 --name digits
) || { echo "the bundled network does not export" >&2; exit 1; }

# normal: numbers as 0, no spaces, so that figures may change where words may not.
normal() {
    tr '\r' '\n' | sed -e 's/[0-9][0-9,.]*/0/g' -e 's/\.0/0/g' -e 's/<0/0/g' -e 's/=0/0/g' \
        -e 's/[─ 	]//g'
}

# compare SHOWN PRINTED: whether the lines of SHOWN come in PRINTED, in order.
compare() {
    normal <"$1" >"$scratch/shown"
    normal <"$2" >"$scratch/printed"
    awk 'FNR == NR { line[++count] = $0; next }
         $0 == "" || $0 ~ /^\.\.\./ { next }
         { while (at < count) if (line[++at] == $0) next; print FNR; exit 1 }' \
        "$scratch/printed" "$scratch/shown" >"$scratch/where" && return 0
    echo "line $(cat "$scratch/where") of the output shown did not come: $(sed -n "$(cat "$scratch/where")p" "$1")"
    return 1
}

# run_console BLOCK FOLDER: one command after the other.
run_console() {
    (
        cd "$2"
        command=
        : >"$scratch/expected"
        flush() {
            [ -n "$command" ] || return 0
            sh -c "$command" >"$scratch/output" 2>&1 || {
                echo "failed: $command"
                cat "$scratch/output"
                exit 1
            }
            compare "$scratch/expected" "$scratch/output" || { echo "command: $command"; exit 1; }
        }
        while IFS= read -r line; do
            case "$line" in
                '$ '*)
                    flush
                    command=${line#"$ "}
                    : >"$scratch/expected"
                    ;;
                *) printf '%s\n' "$line" >>"$scratch/expected" ;;
            esac
        done <"$1"
        flush
    )
}

# excerpt BLOCK FILE...: whether every line of the block stands in one of the files.
excerpt() {
    block=$1
    shift
    cat "$@" | normal | sort -u >"$scratch/lines"
    normal <"$block" | grep -v -e '^$' -e '^\.\.\.' -e '^//\.\.\.' -e '^/\*\.\.\.\*/' |
        while IFS= read -r line; do
            grep -qxF -e "$line" "$scratch/lines" || { echo "no source has: $line"; exit 1; }
        done
}

check_c() {
    cp "$1" "$scratch/block.c"
    gcc -std=c99 -Wall -Wextra -pedantic -Werror -Wno-unused-function -fsyntax-only \
        -I"$scratch/sample/export" -ISources/UQRuntime/include "$scratch/block.c"
}

failures=0
blocks=0
for file in "$@"; do
    [ -f "$file" ] || continue
    name=$(echo "$file" | tr '/ ' '__')
    mkdir "$scratch/$name" "$scratch/$name.work"
    cp -R Examples/digits/. "$scratch/$name.work"
    # One file for each block, named by its first line: LINE.language.
    awk -v folder="$scratch/$name" '
        /^ *```/ && !inside {
            inside = 1; language = $0; sub(/^ *```/, "", language); gsub(/ /, "-", language)
            path = sprintf("%s/%05d.%s", folder, FNR, language == "" ? "none" : language)
            printf "" >path; next
        }
        /^ *```/ { inside = 0; close(path); next }
        inside { print >path }' "$file"
    for block in "$scratch/$name"/*; do
        [ -f "$block" ] || continue
        line=$(basename "$block" | sed -e 's/\..*//' -e 's/^0*//')
        blocks=$((blocks + 1))
        case "$block" in
            *.sh-build | *.text) continue ;;
            *.sh) action="run_sh" ;;
            *.console) action="run_console" ;;
            *.c) action="check_c" ;;
            *.c-excerpt) action="excerpt_c" ;;
            *.swift-excerpt) action="excerpt_swift" ;;
            *) action="unknown" ;;
        esac
        case $action in
            run_sh) (cd "$scratch/$name.work" && sh -eu "$block") ;;
            run_console) run_console "$block" "$scratch/$name.work" ;;
            excerpt_c) excerpt "$block" "$scratch/sample/export"/*.[ch] ;;
            excerpt_swift) find Sources -name '*.swift' >"$scratch/sources"
                # shellcheck disable=SC2046 # no path of the tree has a space
                excerpt "$block" $(cat "$scratch/sources") ;;
            unknown) echo "a block of no known language"; false ;;
            *) "$action" "$block" ;;
        esac >"$scratch/log" 2>&1 || {
            echo "$file:$line: the block fails" >&2
            sed 's/^/    /' "$scratch/log" >&2
            failures=$((failures + 1))
        }
    done
done
echo "documentation: $blocks blocks, $failures fail"
[ "$failures" = 0 ]
