#!/bin/bash
# apt.sh DIR TYPE SUITE: an apt beside the system's, in DIR: it knows one suite of Debian, as packages (TYPE deb) or as
# sources (deb-src), and no installed package. The mirror is the one that this machine's apt already uses. Prints the
# path of its configuration, for APT_CONFIG.
set -euo pipefail
dir=$(mkdir -p "$1" && cd "$1" && pwd)
mirror=$(awk '/^URIs:/ && !/security/ { print $2; exit }
              /^deb / && !/security/ { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' \
  $(ls /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null))
[ -n "$mirror" ] || { echo "apt.sh: apt's sources name no Debian mirror" >&2; exit 1; }

mkdir -p "$dir"/lists/partial "$dir"/cache/archives/partial
: >"$dir/status"
echo "$2 [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $3 main" >"$dir/sources.list"
cat >"$dir/apt.conf" <<CONF
APT::Sandbox::User "root";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
CONF
APT_CONFIG=$dir/apt.conf apt-get update -qq >&2
echo "$dir/apt.conf"
