#!/bin/bash
# test_wheel.sh: `make wheel`, the wheel in a fresh virtual environment with nothing else, used there, and taken away again.
. "$(dirname "$0")/check.sh"
work=$(mktemp -d)
unset MAKEFLAGS MAKELEVEL
if [ -n "$alone" ]; then
  echo "wheel: left out: programs that embed $python ($alone)"
  echo "wheel: 0 passed, 0 failed"
  exit 0
fi

begin "make wheel"
rm -f "$root"/build/dist/libcloudpickle-*.whl
make -s -C "$root" PYTHON="$python" wheel
wheel=$(ls "$root"/build/dist/libcloudpickle-*.whl)
tag=$("$python" -c 'import sys, sysconfig; print("cp3%d%s" % (sys.version_info[1], "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""))')
case $(basename "$wheel") in
  libcloudpickle-[0-9]*-"${tag%t}-$tag"-manylinux_2_[0-9]*_"$(uname -m)".whl) pass ;;
  *) echo "the wheel is called $wheel"; exit 1 ;;
esac

begin "the wheel in a virtual environment"
"$python" -m venv --without-pip "$work/venv"
pip() { "$root/build/venv/pip/bin/python" -m pip --disable-pip-version-check --python "$work/venv/bin/python" "$@"; }
before=$(cd "$work/venv" && find . | sort)
pip install -q --no-index "$wheel"
pip check -q
pass
check_module "$work/venv" "$work/venv/bin/python"

begin "another CPython refuses the wheel"
for other in $("$root/tests/interpreters/find.sh" "$python" 2>/dev/null); do
  [ "$("$other" -c 'import sys; print("cp3%d" % sys.version_info[1])')" != "${tag%t}" ] || continue
  "$other" -m venv --without-pip "$work/other" 2>/dev/null || continue
  if "$root/build/venv/pip/bin/python" -m pip --disable-pip-version-check --python "$work/other/bin/python" install -q --no-index "$wheel" 2>"$work/said"; then
    exit 1
  fi
  grep -q "not a supported wheel" "$work/said"
  pass
  break
done

begin "the wheel's end"
pip uninstall -q -y libcloudpickle
[ "$(cd "$work/venv" && find . | sort)" = "$before" ] || { cd "$work/venv" && find . | sort | diff - <(echo "$before"); exit 1; }
pass
rm -r "$work"
echo "wheel: $passed passed, 0 failed"
