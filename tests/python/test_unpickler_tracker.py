"""A class stays itself, whichever of the two libraries dumps and loads it."""

import gc
import pickle
import sys
import time
import weakref

import cloudpickle
import loading
from test_unpickler import run


def dynamic(name="Dynamic"):
    namespace = {"__name__": "__main__"}
    exec("class %s:\n    x = 1\n    def f(self):\n        return self.x\n" % name, namespace)
    return namespace[name]


def test_a_class_comes_back_as_itself():
    made = dynamic()
    data = cloudpickle.dumps(made)
    assert loading.loads(data) is made
    assert pickle.loads(data) is made


def test_a_class_of_elsewhere_is_one_class(tmp_path):
    data = run(
        """
        import cloudpickle, sys
        namespace = {"__name__": "__main__"}
        exec("class Elsewhere: x = 1", namespace)
        sys.stdout.write(cloudpickle.dumps(namespace["Elsewhere"]).hex())
        """
    )
    data = bytes.fromhex(data)
    ours = loading.loads(data)
    assert loading.loads(data) is ours
    assert pickle.loads(data) is ours
    identity = cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS[ours]
    assert cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID[identity] is ours
    kept = cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.data[identity]
    assert type(kept) is weakref.KeyedRef and kept.key == identity and kept() is ours
    reference = weakref.ref(ours)
    del ours
    gc.collect()
    assert reference() is None
    assert identity not in cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID


def test_what_was_tracked_is_handed_over(tmp_path):
    import cloudpickle as package

    (tmp_path / "class").write_bytes(package.dumps(dynamic("Early")))
    assert run(
        """
        import pickle, sys
        import loading
        with open(sys.argv[1], "rb") as file:
            data = file.read()
        early = loading.loads(data)
        assert "cloudpickle" not in sys.modules
        assert loading.loads(data) is early
        import cloudpickle
        assert loading.loads(data) is early
        assert pickle.loads(data) is early
        print("one class")
        """,
        str(tmp_path / "class"),
    ) == "one class\n"


def test_a_known_class_gets_its_attributes_again():
    made = dynamic()
    data = cloudpickle.dumps(made)
    made.x = 2
    assert loading.loads(data) is made
    assert made.x == 1


def test_a_known_class_is_not_made_twice():
    registered = []

    class Meta(type):
        def __init__(cls, *args):
            registered.append(cls)
            super().__init__(*args)

    made = Meta("Registered", (), {"__module__": "__main__"})
    # The metaclass is one of this module, so it goes by reference.
    Meta.__module__ = "__main__"
    sys.modules["__main__"].Meta = Meta
    try:
        data = cloudpickle.dumps(made)
        assert loading.loads(data) is made
        assert registered == [made]
    finally:
        del sys.modules["__main__"].Meta


def test_a_known_class_costs_no_more_with_living_subclasses():
    namespace = {"__name__": "__main__"}
    methods = "".join("    def %s(self, *args): return 1\n" % name for name in ("__init__", "__eq__", "__hash__", "f", "g"))
    exec("class Parent:\n" + methods, namespace)
    parent = namespace["Parent"]
    data = cloudpickle.dumps(parent)

    def seconds():
        best = float("inf")
        for _ in range(7):
            start = time.perf_counter()
            for _ in range(50):
                loading.loads(data)
            best = min(best, time.perf_counter() - start)
        return best

    alone = seconds()
    children = [type("Child", (parent,), {}) for _ in range(2000)]
    assert seconds() < 3 * alone
    assert loading.loads(data) is parent and children[0].__init__ is parent.__init__
