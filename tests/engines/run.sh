#!/bin/bash
# run.sh PYTHON LIBRARY [ENGINE...]: real work by engines that pickle with cloudpickle, with our module in its place in every
# process. Each engine is installed into a virtual environment of its own under build/engines. Without names: all.
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
for engine; do
  venv=$root/build/engines/$name-$engine
  requirements=$root/tests/engines/$engine.txt
  if ! cmp -s "$requirements" "$venv/complete"; then
    rm -rf "$venv"
    "$python" -m venv --without-pip "$venv" &&
      LIBCLOUDPICKLE_IN_PLACE='' "$pip" -m pip --python "$venv/bin/python" install -q --no-warn-script-location -r "$requirements" || exit 1
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
    cp "$root/tests/cloudpickle_suite/in_place.py" "$site/"
    echo "import in_place" > "$site/in_place.pth"
    cp "$requirements" "$venv/complete"
  fi
  if (cd "$root/tests/engines" && PYTHONPATH=$root/tests/engines timeout 600 "$venv/bin/python" "with_$engine.py"); then
    echo "[$name] $engine: passed"
  else
    echo "[$name] $engine: failed"
    failed=1
  fi
done
exit $failed
