#!/bin/bash
# fetch.sh DIR: the source of cloudpickle 3.1.2 with its tests, which its distribution on PyPI lacks, in DIR. From the git
# repository that CLOUDPICKLE_REPOSITORY names, else from its home.
set -euo pipefail
dir=$1
[ -e "$dir/tests/cloudpickle_test.py" ] && exit 0
mkdir -p "$(dirname "$dir")"
exec 9>"$dir.lock"
flock 9
[ -e "$dir/tests/cloudpickle_test.py" ] && exit 0
rm -rf "$dir"
git clone -q --depth 1 --branch v3.1.2 "${CLOUDPICKLE_REPOSITORY:-https://github.com/cloudpipe/cloudpickle}" "$dir" 2>&1
