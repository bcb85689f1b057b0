"""What looks for memory that is lost finds it: `lost.py lsan` and `lost.py valgrind` lose three reports. LeakSanitizer is asked
while Python runs, and the program ends well only if it finds them; valgrind looks at the end. `lost.py nothing` dumps and
loads, and loses nothing."""

import ctypes
import os
import sys

import reports

mode = sys.argv[1]
assert mode in ("lsan", "valgrind", "nothing")
look = None
if mode == "lsan":
    look = ctypes.CDLL(None).__lsan_do_recoverable_leak_check
    assert look() == 0, "something is lost before anything was lost"
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
if mode == "nothing":
    for obj in ([1, {"a": (2.5, "\xe9", b"b")}], lambda x: x, type("Made", (), {"method": lambda self: 1}), {1, frozenset("a")}):
        for protocol in range(6):
            for _ in range(2):
                report = reports.dumps(obj, protocol=protocol)
                assert report.status == reports.OK and reports.loads(report.object).status == reports.OK
    assert reports.dumps([1, {"k": (n for n in ())}]).status == reports.PICKLING
else:
    reports._free = lambda report: None
for _ in range(3):
    assert reports.loads(b"bad").status != 0
if look:
    os._exit(not look())
