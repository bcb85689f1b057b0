#!/bin/bash
# environment.sh PYTHON DIR: a virtual environment with those that we are compared with.
set -euo pipefail
python=$1 dir=$2
here=$(cd "$(dirname "$0")" && pwd)
pip=$here/../build/venv/pip/bin/python
exec 9>"$dir.lock"
flock 9
if ! cmp -s "$here/requirements.txt" "$dir/complete"; then
  rm -rf "$dir"
  "$python" -m venv --without-pip "$dir"
  "$pip" -m pip --python "$dir/bin/python" install -q --no-warn-script-location -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$dir/complete"
fi
