#!/bin/bash
# run.sh PYTHON LIBRARY [ENGINE...]: real work by engines that pickle with cloudpickle, with our module in its place in every
# process. Each engine is installed into a virtual environment of its own under build/engines; one that there is not for
# this CPython, as its requirements say, is left out. Without names: all.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=$1 library=$(realpath "$2")
shift 2
[ $# != 0 ] || set -- joblib loky dask pyspark ray
name=$("$python" "$root/tests/interpreters/facts.py" name)
pip=$root/build/venv/pip/bin/python
export LIBCLOUDPICKLE_IN_PLACE=$library PYTHONWARNINGS=ignore
export LIBCLOUDPICKLE_COPIES="joblib.externals.cloudpickle pyspark.cloudpickle
  ray.cloudpickle.cloudpickle ray.cloudpickle.cloudpickle_fast"
export RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=disabled
failed=0

install() { # VENV REQUIREMENTS
  local site
  rm -rf "$1"
  "$python" -m venv --without-pip "$1" &&
    LIBCLOUDPICKLE_IN_PLACE='' "$pip" -m pip --python "$1/bin/python" install -q --no-warn-script-location -r "$2" &&
    site=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])') &&
    cp "$root/tests/cloudpickle_suite/in_place.py" "$site/" &&
    echo "import in_place" > "$site/in_place.pth" &&
    cp "$2" "$1/complete"
}

for engine; do
  venv=$root/build/engines/$name-$engine
  requirements=$root/tests/engines/$engine.txt
  if ! cmp -s "$requirements" "$venv/complete" && ! install "$venv" "$requirements"; then
    echo "[$name] $engine: cannot be installed"
    failed=1
    continue
  fi
  distribution=$engine
  [ "$engine" != dask ] || distribution=distributed
  version=$(LIBCLOUDPICKLE_IN_PLACE='' "$venv/bin/python" -c '
import importlib.metadata as metadata, sys
print(next((d.version for d in metadata.distributions() if d.metadata["Name"] == sys.argv[1]), ""))' $distribution)
  if [ -z "$version" ]; then
    echo "[$name] $engine: left out (there is none for this CPython)"
  elif (cd "$root/tests/engines" && PYTHONPATH=$root/tests/engines timeout 600 "$venv/bin/python" "with_$engine.py"); then
    echo "[$name] $engine $version: passed"
  else
    echo "[$name] $engine $version: failed"
    failed=1
  fi
done
exit $failed
