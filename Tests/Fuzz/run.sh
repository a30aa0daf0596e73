#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Fuzzes one reader: run.sh TARGET SECONDS. Everything lies under .build/fuzz: the program (compiled for
# coverage), corpus/TARGET (what reaches new code; kept between runs), findings/TARGET (what trapped,
# hung or asked for too much memory). Exits 0 where nothing was found.
set -eu
target=$1 seconds=$2
shift 2
cd "$(dirname "$0")/../.."
build=.build/fuzz
# gold, the default, breaks on the fuzzer's archive.
UQ_FUZZ=1 swift build -c release --scratch-path "$build" --product uq-fuzz \
	-Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld -Xcc -fsanitize=fuzzer-no-link
fuzz=$build/release/uq-fuzz
corpus=$build/corpus/$target findings=$build/findings/$target
mkdir -p "$corpus" "$findings"
"$fuzz" seeds "$target" "$build/seeds/$target"
words=$build/seeds/$target.dict
[ ! -s "$words" ] || set -- "-dict=$words"
# Traps are libFuzzer's to report; Swift's own backtrace would end the process first.
export SWIFT_BACKTRACE=enable=no UQ_FUZZ_TARGET="$target"
exec "$fuzz" "$corpus" "$build/seeds/$target" "Tests/Fuzz/Regression/Corpus/$target" \
	"$@" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
	-rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$findings/"
