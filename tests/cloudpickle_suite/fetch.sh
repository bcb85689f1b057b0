#!/bin/bash
# fetch.sh DIR: the source of cloudpickle 3.1.2 with its tests, which its distribution on PyPI lacks, in DIR. From the git
# repository that CLOUDPICKLE_REPOSITORY names; else from Debian's source package, through apt; else from its home.
set -euo pipefail
dir=$(realpath -m "$1")
version=3.1.2
interpreters=$(cd "$(dirname "$0")/../interpreters" && pwd)
[ -e "$dir/complete" ] && exit 0
mkdir -p "$(dirname "$dir")"
exec 9>"$dir.lock"
flock 9
[ -e "$dir/complete" ] && exit 0

# Only the archive of the authors, without what Debian adds.
from_debian() {
  command -v apt-get >/dev/null || return 1
  local suite apt found
  for suite in sid testing; do
    apt=$("$interpreters/apt.sh" "$dir.apt/$suite" deb-src $suite) || continue
    found=$(APT_CONFIG=$apt apt-cache madison cloudpickle | awk -F' *[|] *' -v v="$version-" 'index($2, v) == 1 { print $2; exit }')
    [ -n "$found" ] || continue
    (cd "$dir" && APT_CONFIG=$apt apt-get source -qq --download-only --tar-only "cloudpickle=$found" >&2 &&
      tar xzf "cloudpickle_$version.orig.tar.gz" --strip-components 1) && return
  done
  return 1
}

from_git() {
  git clone -q --depth 1 --branch "v$version" "$1" "$dir.git" && git -C "$dir.git" archive HEAD | tar xC "$dir"
}

rm -rf "$dir" "$dir.git"
mkdir -p "$dir"
if [ -n "${CLOUDPICKLE_REPOSITORY:-}" ]; then
  from_git "$CLOUDPICKLE_REPOSITORY"
else
  from_debian || from_git https://github.com/cloudpipe/cloudpickle
fi
grep -qF "__version__ = \"$version\"" "$dir/cloudpickle/__init__.py"
touch "$dir/complete"
