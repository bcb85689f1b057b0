#!/bin/bash
# all.sh DEFAULT JOBS: the tests on every CPython found, JOBS of them at a time. Ends with the sums.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/log
mapfile -t pythons < <(tests/interpreters/find.sh "$1")
[ ${#pythons[@]} != 0 ] || { echo "no CPython from 3.9 to 3.15 was found" >&2; exit 1; }
printf '%s\n' "to be tested:" "${pythons[@]/#/  }"
printf '%s\0' "${pythons[@]}" | xargs -0 -n 1 -P "$2" tests/run.sh 2>&1 | tee build/log/all.txt
awk '/^[^ []+: [0-9]+ passed, [0-9]+ failed$/ { ran++; passed += $2; failed += $4 }
  END { exit !(print_sums(ran, passed, failed)) }
  function print_sums(ran, passed, failed) {
    failed += wanted - ran
    printf "%d of %d CPythons ran to the end\n%d passed, %d failed\n", ran, wanted, passed, failed
    return failed == 0 && passed > 0
  }' wanted=${#pythons[@]} build/log/all.txt
