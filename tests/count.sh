# shellcheck shell=bash
# Sourced by the runners, which set `name`, and `log`, a folder. `run` adds to `passed` and `failed`.
passed=0 failed=0

say() { echo "[$name] $*"; }

count() { # FILE WORD: the numbers in front of the word in a runner's closing lines, added up
  grep -E '(^test result|[0-9]+ (passed|failed|error).* in [0-9.]+s)' "$1" | grep -oE "[0-9]+ $2" | awk '{n += $1} END {print n + 0}'
}

run() { # WHAT COMMAND...: runs it, counts, and shows what failed and what was skipped
  local what=$1 file began=$SECONDS
  shift
  file=$log/$(echo "$what" | tr ' /' '--').txt
  "$@" >"$file" 2>&1
  local status=$? p f
  p=$(count "$file" passed)
  f=$(($(count "$file" failed) + $(count "$file" error)))
  if [ $status != 0 ] && [ "$f" = 0 ]; then f=1; fi
  if [ $status = 0 ] && [ "$p" = 0 ]; then f=1; say "$what: ran no test"; fi
  passed=$((passed + p)) failed=$((failed + f))
  if [ "$f" != 0 ]; then tail -n 150 "$file"; fi
  {
    grep -E '^(left out: |.*: not tested)' "$file" | sort -u
    # SKIPPED [4] FILE:LINE: REASON
    sed -nE 's/^SKIPPED \[([0-9]+)\] [^ ]+: (.*)/\1 \2/p' "$file" |
      awk '{ n = $1; $1 = ""; skipped[$0] += n } END { for (reason in skipped) print "skipped", skipped[reason] ":" reason }'
  } | while read -r line; do say "$line"; done
  say "$what: $p passed, $f failed ($((SECONDS - began)) s)"
}
