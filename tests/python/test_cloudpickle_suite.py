"""cloudpickle 3.1.2's own tests, with our module in its place in every process: what passes with the package passes with
ours, but for the exceptions below."""

import filecmp
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import cloudpickle
import left_out
import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SUITE = os.path.join(ROOT, "tests", "cloudpickle_suite")
SOURCE = os.path.join(ROOT, "build", "cloudpickle-3.1.2")
VENV = os.path.join(os.path.dirname(sys.prefix), "suite")
FILES = ["tests/cloudpickle_test.py", "tests/cloudpickle_file_test.py", "tests/test_backward_compat.py"]

# Test: why it fails with ours.
EXCEPTIONS: dict = {}


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


@pytest.fixture(scope="module")
def environment():
    fetched = subprocess.run([os.path.join(SUITE, "fetch.sh"), SOURCE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if fetched.returncode:
        said = " ".join(fetched.stdout.split())
        left_out.left_out("cloudpickle's own tests", "their source cannot be fetched: %s" % said)
        pytest.skip("no source of cloudpickle")
    subprocess.run([os.path.join(SUITE, "environment.sh"), sys.executable, VENV, SOURCE], check=True)


def test_the_source_is_that_of_the_package(environment):
    installed = os.path.dirname(cloudpickle.__file__)
    for name in ["__init__.py", "cloudpickle.py", "cloudpickle_fast.py"]:
        assert filecmp.cmp(os.path.join(installed, name), os.path.join(SOURCE, "cloudpickle", name), shallow=False), name


def test_what_passes_with_the_package_passes_with_ours(environment, tmp_path):
    theirs, _ = results(str(tmp_path / "theirs.xml"), None)
    ours, output = results(str(tmp_path / "ours.xml"), os.environ["LIBCLOUDPICKLE"])
    passed = [sum(outcome == "passed" for outcome in outcomes.values()) for outcomes in (theirs, ours)]
    print("with the package: %d passed of %d; with ours: %d" % (passed[0], len(theirs), passed[1]))
    assert passed[0] > 200
    assert set(ours) == set(theirs)
    worse = sorted(name for name in theirs if theirs[name] == "passed" and ours[name] != "passed")
    unexpected = [name for name in worse if name.split("::")[-1] not in EXCEPTIONS]
    assert not unexpected, "%s\n%s" % ("\n".join(unexpected), output[-20_000:])
    stale = set(EXCEPTIONS) - {name.split("::")[-1] for name in worse}
    assert not stale, "no exceptions any more: %s" % sorted(stale)
