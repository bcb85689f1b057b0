"""Loses reports: LeakSanitizer must find them while Python runs. Ends well only then."""

import ctypes
import os

import reports

assert ctypes.CDLL(None).__lsan_do_recoverable_leak_check() == 0, "something is lost before anything was lost"
with open(os.devnull, "wb") as nowhere:
    os.dup2(nowhere.fileno(), 2)
reports._free = lambda report: None
for _ in range(3):
    assert reports.loads(b"bad").status != 0
found = ctypes.CDLL(None).__lsan_do_recoverable_leak_check()
os._exit(not found)
