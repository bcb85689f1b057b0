# shellcheck shell=bash
# Sourced by the tests of what is installed. They end at the first thing that is not as it should be.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
passed=0
python=$(command -v "$PYTHON")
{ read -r name; read -r alone; read -r include; read -r embedding; } \
  < <("$python" "$root/tests/interpreters/facts.py" name alone include embed)
# The other process of roundtrip.c has cloudpickle.
plain=$root/build/venv/$name/plain/bin/python

begin() { what=$1; }
trap 'status=$?; [ $status = 0 ] || echo "FAILED: ${what:-the start}"; exit $status' EXIT
pass() { passed=$((passed + 1)); }

# says PROGRAM WORDS: it runs, and says these words. Nothing of the build is named in its environment.
says() {
  local program=$1 said
  shift
  said=$(env -u LD_LIBRARY_PATH -u PYTHONPATH CP_PYTHON="$plain" "$program")
  case $said in *"$*"*) ;; *) echo "$program says: $said"; return 1 ;; esac
  pass
}

# check_module PYTHON...: a python that has the installed module: what it pickles another one of it loads.
check_module() {
  local dir
  dir=$(mktemp -d)
  (cd "$dir" && cat >dump.py <<'PY' && cat >load.py <<'PY2'
import os, pickle, sys
import libcloudpickle
assert libcloudpickle.__file__.startswith(sys.argv[1]), libcloudpickle.__file__
k = 40
class Point:
    def __init__(self, x): self.x = x
    def shifted(self, n): return self.x + n + k
libcloudpickle.DEFAULT_PROTOCOL
assert libcloudpickle.dumps([1, "a"]) == pickle.dumps([1, "a"], 5)
libcloudpickle.marker = 3
assert sys.modules["libcloudpickle"].marker == 3 and libcloudpickle.Pickler.__module__ == "libcloudpickle"
with open("pickle", "wb") as file:
    libcloudpickle.dump((lambda n: n + k, Point(1)), file)
header = os.path.join(libcloudpickle.get_include(), "cloudpickle.h")
assert "cp_dumps" in open(header).read() and os.path.isfile(libcloudpickle.get_library())
assert os.path.basename(libcloudpickle.get_library()) == "libcloudpickle.so.0"
folder = os.path.dirname(os.path.abspath(libcloudpickle.__path__[0] + "/x"))
assert os.path.exists(os.path.join(folder, "py.typed")) and os.path.exists(os.path.join(folder, "__init__.pyi"))
print(libcloudpickle.get_include(), libcloudpickle.get_library())
PY
import libcloudpickle, sys
with open("pickle", "rb") as file:
    function, point = libcloudpickle.load(file)
assert function(2) == 42 and point.shifted(1) == 42
assert "cloudpickle" not in sys.modules
import importlib.util
assert importlib.util.find_spec("cloudpickle") is None, "the package is there: this is not a clean place"
libcloudpickle.install()
import pickle
with open("pickle", "rb") as file:
    assert pickle.load(file)[0](1) == 41
PY2
  )
  local prefix=$1
  shift
  read -r module_include module_library < <(cd "$dir" && "$@" dump.py "$prefix")
  (cd "$dir" && "$@" load.py)
  pass
  # A C program and an extension module against what the module brings along.
  # shellcheck disable=SC2086  # flags
  cc -Wall -Werror "$root/examples_c/roundtrip.c" -o "$dir/roundtrip" "-I$module_include" $include "$module_library" \
    "-Wl,-rpath,$(dirname "$module_library")" $embedding -pthread
  says "$dir/roundtrip" "price(100) = 22500"
  # shellcheck disable=SC2086  # flags
  cc -shared -fPIC "$root/examples_c/extension.c" -o "$dir/extension.so" "-I$module_include" $include "$module_library"
  # The library that the module is stands for the soname.
  (cd "$dir" && "$@" -c 'import libcloudpickle, extension; assert extension.copy(lambda: 42)() == 42')
  pass
  rm -r "$dir"
}
