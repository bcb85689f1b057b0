#!/bin/bash
# environment.sh PYTHON DIR SOURCE: a virtual environment for cloudpickle's own tests, which lie in SOURCE. Every process in
# it has our module in cloudpickle's place if LIBCLOUDPICKLE_IN_PLACE names the library.
set -euo pipefail
python=$1 dir=$2 source=$3
here=$(cd "$(dirname "$0")" && pwd)
pip=$here/../../build/venv/pip/bin/python
mkdir -p "$(dirname "$dir")"
exec 9>"$dir.lock"
flock 9
if ! cmp -s "$here/requirements.txt" "$dir/complete"; then
  rm -rf "$dir"
  "$python" -m venv --without-pip "$dir"
  "$pip" -m pip --python "$dir/bin/python" install -q --no-warn-script-location -r "$here/requirements.txt"
  site=$("$dir/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  echo "import in_place" > "$site/in_place.pth"
  cp "$here/in_place.py" "$site/"
  cp "$here/requirements.txt" "$dir/complete"
fi
site=$("$dir/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
# A package that some of the tests use.
echo "$source/tests/cloudpickle_testpkg" > "$site/testpkg.pth"
