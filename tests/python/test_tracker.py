"""The ids of classes that go by value: one a class for its life, shared with the Python package, weak, for all threads."""

import gc
import os
import pickle
import sys
import threading
import time
import weakref
import xml.dom  # noqa: F401  a thread that imports it for the first time holds a lock of Python's own

import binding
import cloudpickle.cloudpickle as package
import pytest
from compare import TRACKER_ID
from corpus.row import run
from test_unpickler import run as run_elsewhere


def dynamic(text="class result:\n    x = 1"):
    return run(text)["result"]


def ids(data):
    return [found.decode() for found in TRACKER_ID.findall(data)]


def test_one_id_through_any_number_of_dumps():
    made = dynamic()
    first = binding.dumps(made)
    for protocol in (0, 1, 2, 3, 4, 5) * 20:
        assert ids(binding.dumps([made, made], protocol)) == ids(first)
    assert len(ids(first)) == 1
    assert binding.loads(first) is made and pickle.loads(first) is made


def test_the_package_has_the_same_id():
    for one, other in ((binding.dumps, package.dumps), (package.dumps, binding.dumps)):
        made = dynamic()
        data = one(made)
        assert other(made) == data
        assert [package._DYNAMIC_CLASS_TRACKER_BY_CLASS[made]] == ids(data)
        assert package._DYNAMIC_CLASS_TRACKER_BY_ID[ids(data)[0]] is made
        assert package._get_or_create_tracker_id(made) == ids(data)[0]


def test_classes_variables_and_enums_have_ids_of_their_own():
    made = run("import enum, typing\nclass C: pass\nclass E(enum.Enum):\n    A = 1\nT = typing.TypeVar('T')\nresult = [C, E, T]")["result"]
    data = binding.dumps(made)
    assert len(set(ids(data))) == 3
    assert [a is b for a, b in zip(binding.loads(data), made)] == [True] * 3


def test_ids_look_like_uuids():
    for _ in range(200):
        (found,) = ids(binding.dumps(dynamic()))
        assert found[12] == "4" and found[16] in "89ab"


def test_classes_can_be_collected():
    made = dynamic()
    (found,) = ids(binding.dumps(made))
    before = len(package._DYNAMIC_CLASS_TRACKER_BY_ID)
    reference = weakref.ref(made)
    del made
    gc.collect()
    assert reference() is None
    assert found not in package._DYNAMIC_CLASS_TRACKER_BY_ID
    assert len(package._DYNAMIC_CLASS_TRACKER_BY_ID) < before


@pytest.mark.parametrize("others", (0, 2, 3, 5))
def test_many_threads_agree(others):
    """Each class has one id, whichever thread and library asks first, and is found under it from the first dump on: also
    if we dump while the package, which enters a class before its id, is in between."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(30):
            made = [dynamic() for _ in range(20)]
            barrier, found, dumped, failed = threading.Barrier(6), [], [], []

            def work(dumps):
                try:
                    barrier.wait()
                    for one in made:
                        data = dumps(one)
                        found.append((id(one), ids(data)[0]))
                        # Loading it sets its attributes anew, which others that dump it would notice.
                        assert package._DYNAMIC_CLASS_TRACKER_BY_ID.get(ids(data)[0]) is one
                        dumped.append((one, data))
                except BaseException as error:
                    failed.append(error)

            threads = [threading.Thread(target=work, args=(dumps,)) for dumps in [binding.dumps] * (6 - others) + [package.dumps] * others]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if failed:
                raise failed[0]
            assert len(set(found)) == len(made)
            assert all(binding.loads(data) is one and pickle.loads(data) is one for one, data in dumped)
    finally:
        sys.setswitchinterval(interval)


def test_no_lock_is_held_while_python_code_runs():
    """The package's lock is free in each piece of Python code that a dump calls, and a dump inside of it works."""
    seen = []

    def look(where):
        seen.append(where)
        assert package._DYNAMIC_CLASS_TRACKER_LOCK.acquire(blocking=False), where
        package._DYNAMIC_CLASS_TRACKER_LOCK.release()
        binding.dumps(dynamic())

    text = (
        "class Meta(type):\n"
        "    def __hash__(cls):\n        look('hash')\n        return type.__hash__(cls)\n"
        "    def __eq__(cls, other):\n        look('eq')\n        return cls is other\n"
        "class R:\n    def __reduce__(self):\n        look('reduce')\n        return int, ()\n"
        "result = Meta('C', (), {'r': R()})\n"
    )
    namespace = {"look": look}
    exec(text.replace("look(", "LOOK[0]("), {**namespace, "LOOK": [look], "__name__": "tracker_module"}, namespace)
    made = namespace["result"]
    type(made).__module__ = "no_such_module"
    for _ in range(3):
        with pytest.raises(TypeError):
            # What the metaclass closes over, this test, cannot be pickled; all hooks have run by then.
            binding.dumps([made, threading.Lock()])
    assert {"hash", "reduce"} <= set(seen)


def between(entered, made):
    """The package as it is after it has entered a class and before it enters the id."""
    with package._DYNAMIC_CLASS_TRACKER_LOCK:
        package._DYNAMIC_CLASS_TRACKER_BY_CLASS[made] = "%032x" % id(made)
        entered.set()
        time.sleep(0.05)
        package._DYNAMIC_CLASS_TRACKER_BY_ID["%032x" % id(made)] = made


def test_the_package_is_in_between():
    for _ in range(5):
        made, entered = dynamic(), threading.Event()
        thread = threading.Thread(target=between, args=(entered, made))
        thread.start()
        entered.wait()
        data = binding.dumps(made)
        assert binding.loads(data) is made and pickle.loads(data) is made
        thread.join()
        assert ids(data) == ["%032x" % id(made)] and ids(package.dumps(made)) == ids(data) == ids(binding.dumps(made))


def test_a_child_forked_while_the_package_is_in_between():
    """The thread that has the lock, and that would enter the id, is not in the child. A class that it had begun with and new
    ones get ids there, and only the first of them waits for the lock."""
    made, entered = dynamic(), threading.Event()
    thread = threading.Thread(target=between, args=(entered, made))
    thread.start()
    entered.wait()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            begun = time.monotonic()
            assert package._DYNAMIC_CLASS_TRACKER_LOCK.locked()
            for each in (made, *(dynamic() for _ in range(30))):
                data = binding.dumps(each)
                assert binding.loads(data) is each and binding.dumps(each) == data
            status = 0 if time.monotonic() - begun < 15 else 2
        finally:
            os._exit(status)
    thread.join()
    timer = threading.Timer(60, os.kill, (child, 9))
    timer.start()
    assert os.waitpid(child, 0)[1] == 0
    timer.cancel()


@pytest.mark.parametrize("dumps", (binding.dumps, package.dumps))
def test_a_forked_child_has_no_lock_left_over(dumps):
    """Threads dump all the time; whatever the fork interrupts, the child dumps and loads at once."""
    stop = threading.Event()

    def work():
        while not stop.is_set():
            dumps([dynamic() for _ in range(20)] + [run("import xml.dom\ndef f(): return xml.dom")["f"]])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(8):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    made = dynamic()
                    data = binding.dumps([made, run("import xml.dom\ndef f(): return xml.dom")["f"]])
                    status = 0 if binding.loads(data)[0] is made else 2
                finally:
                    os._exit(status)
            timer = threading.Timer(60, os.kill, (child, 9))
            timer.start()
            assert os.waitpid(child, 0)[1] == 0
            timer.cancel()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_without_the_package_the_same():
    """In a process without cloudpickle: identity, weakness, and that the ids go over when it appears."""
    assert run_elsewhere(
        """
        import gc, sys, weakref
        import binding
        namespace = {"__name__": "__main__"}
        exec("class C: x = 1", namespace)
        made = namespace["C"]
        data = binding.dumps(made)
        assert binding.dumps(made) == data and binding.loads(data) is made
        assert not any(name.startswith("cloudpickle") for name in sys.modules)
        exec("class D: pass", namespace)
        reference = weakref.ref(namespace["D"])
        binding.dumps(namespace.pop("D"))
        gc.collect()
        assert reference() is None
        import cloudpickle
        assert binding.dumps(made) == data
        assert cloudpickle.dumps(made) == data
        print("one id")
        """
    ) == "one id\n"
