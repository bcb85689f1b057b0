"""On what all this was measured."""

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import sys


def said(*command):
    """The first line that a command says, or nothing where it is not there."""
    try:
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return lines[0] if lines else ""


def version_of(package):
    try:
        return "%s %s" % (package, importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return "%s is not there" % package


def processor():
    with open("/proc/cpuinfo") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.M)
    return found[1] if found else platform.machine()


def memory():
    with open("/proc/meminfo") as file:
        return "%.0f GB" % (int(re.search(r"MemTotal:\s*(\d+)", file.read())[1]) * 1024 / 1e9)


def commit():
    found = said("git", "-C", os.path.dirname(os.path.abspath(__file__)), "rev-parse", "--short=10", "HEAD")
    return " (commit %s)" % found if found else ""


def described(version, guided=False):
    """Lines about the machine and the versions."""
    load = os.getloadavg()
    return [
        "libcloudpickle %s%s, a release build%s by %s"
        % (version, commit(), ", guided by a profile," if guided else "", said("rustc", "--version") or "rustc"),
        "CPython %s, %s" % (sys.version.split()[0], platform.python_compiler()),
        ", ".join(map(version_of, ("cloudpickle", "dill", "orjson", "msgspec"))),
        "%s, %d processors, %s; Linux %s, %s"
        % (processor(), os.cpu_count(), memory(), platform.release().split("-")[0], " ".join(platform.libc_ver())),
        "%s UTC; load when it began: %.1f"
        % (datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M"), load[0]),
    ]
