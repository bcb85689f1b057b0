"""cloudpickle 3.1.2's own tests, with our module in its place in every process: what passes with the package passes with
ours, but for the exceptions below."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import left_out
import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SUITE = os.path.join(ROOT, "tests", "cloudpickle_suite")
SOURCE = os.path.join(ROOT, "build", "cloudpickle-3.1.2")
VENV = os.path.join(os.path.dirname(sys.prefix), "suite")
FILES = ["tests/cloudpickle_test.py", "tests/cloudpickle_file_test.py", "tests/test_backward_compat.py"]

# Test: why it fails with ours.
EXCEPTIONS = {
    "test_importing_multiprocessing_does_not_impact_whichmodule": "it asks in which module of sys.modules a function of "
    "cloudpickle is found first: ours are found in libcloudpickle, which is imported before it takes cloudpickle's place",
}


def results(report, library):
    """What each test came to: passed, failed, skipped."""
    environment = dict(os.environ, PYTHONHASHSEED="0")
    environment.pop("LIBCLOUDPICKLE_IN_PLACE", None)
    if library:
        environment["LIBCLOUDPICKLE_IN_PLACE"] = library
    command = [os.path.join(VENV, "bin", "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml", report]
    done = subprocess.run(
        command + FILES, cwd=SOURCE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1500
    )
    assert done.returncode in (0, 1), done.stdout
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        what = {child.tag for child in case}
        outcome = "failed" if what & {"failure", "error"} else "skipped" if "skipped" in what else "passed"
        found["%s::%s" % (case.get("classname"), case.get("name"))] = outcome
    return found, done.stdout


def test_what_passes_with_the_package_passes_with_ours(tmp_path):
    fetched = subprocess.run([os.path.join(SUITE, "fetch.sh"), SOURCE], stdout=subprocess.PIPE, text=True)
    if fetched.returncode:
        left_out.left_out("cloudpickle's own tests", "their source cannot be fetched: %s" % fetched.stdout.strip())
        pytest.skip("no source")
    subprocess.run([os.path.join(SUITE, "environment.sh"), sys.executable, VENV], check=True)
    theirs, _ = results(str(tmp_path / "theirs.xml"), None)
    ours, output = results(str(tmp_path / "ours.xml"), os.environ["LIBCLOUDPICKLE"])
    assert sum(outcome == "passed" for outcome in theirs.values()) > 200
    assert set(ours) == set(theirs)
    worse = sorted(name for name in theirs if theirs[name] == "passed" and ours[name] != "passed")
    print("with the package: %d passed of %d; with ours: %d" % tuple(
        [sum(o == "passed" for o in theirs.values()), len(theirs), sum(o == "passed" for o in ours.values())]
    ))
    unexpected = [name for name in worse if name.split("::")[-1] not in EXCEPTIONS]
    assert not unexpected, "%s\n%s" % ("\n".join(unexpected), output[-20_000:])
    better = {name.split("::")[-1] for name in ours if ours[name] == "passed"}
    stale = sorted(name for name in EXCEPTIONS if name in better)
    assert not stale, "no exceptions any more: %s" % stale
