#!/bin/bash
# environment.sh PYTHON DIR: two virtual environments of PYTHON, DIR/plain with only cloudpickle, where what was dumped is
# loaded, and DIR/tests with what the tests need as well.
set -euo pipefail
python=$1 dir=$2
here=$(cd "$(dirname "$0")" && pwd)
venvs=$(dirname "$dir")
mkdir -p "$dir"
exec 9>"$venvs/.lock"
flock 9

# One pip, new enough for every Python, serves all environments: the one that a Python brings along may be too old for
# itself, or missing.
pip=$venvs/pip/bin/python
if [ ! -e "$venvs/pip/complete" ]; then
  rm -rf "$venvs/pip"
  for maker in "$python" python3 /usr/bin/python3; do
    "$maker" -m venv "$venvs/pip" >/dev/null 2>&1 && "$pip" -m pip install -q pip==25.3 && break
  done
  [ -x "$pip" ] || "$here/../../.ci/need" "the venv module of $python" python3-venv
  [ -x "$pip" ] || { /usr/bin/python3 -m venv "$venvs/pip" && "$pip" -m pip install -q pip==25.3; }
  touch "$venvs/pip/complete"
fi

make_environment() { # NAME REQUIREMENTS
  if ! cmp -s "$here/$2" "$dir/$1/complete"; then
    rm -rf "${dir:?}/$1"
    "$python" -m venv --without-pip "$dir/$1"
    "$pip" -m pip --python "$dir/$1/bin/python" install -q --no-warn-script-location -r "$here/$2"
    cp "$here/$2" "$dir/$1/complete"
  fi
}
make_environment plain plain.txt
make_environment tests tests.txt
