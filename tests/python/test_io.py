"""What may befall a stream: a full disk, a closed pipe, signals, short writes and reads, a descriptor that would block. A
call either moves the whole pickle and says so, or answers a status with errno; never the one for the other."""

import errno
import fcntl
import io
import os
import pickle
import resource
import select
import signal
import socket
import threading
import time

import binding
import pytest
import reports

# Frames, bytes in one piece, and a large bytearray.
OBJECT = ["text", list(range(60_000)), bytes(range(256)) * 2000, bytearray(b"x" * 300_000), "e" * 100_000]
WHOLE = binding.dumps(OBJECT)


def pipe(room=4096):
    """A pipe that holds little."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, getattr(fcntl, "F_SETPIPE_SZ", 1031), room)
    return reading, writing


class Other(threading.Thread):
    """Another thread's work, whose result or failure is asked for at the end."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work = work
        self.start()

    def run(self):
        try:
            self.result, self.failure = self.work(), None
        except BaseException as failure:
            self.failure = failure

    def end(self):
        self.join(60)
        assert not self.is_alive(), "the other end waits for ever"
        if self.failure:
            raise self.failure
        return self.result


def slowly(fd, most=1000, pause=0.0):
    """All of a descriptor, in small pieces."""
    pieces = []
    while True:
        piece = os.read(fd, most)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        if pause:
            time.sleep(pause)


class Signals:
    """Signals to this thread all the time, by a timer; `handler` is Python code that runs for each."""

    def __init__(self, handler=None, every=0.0005):
        self.count, self.handler, self.every = 0, handler, every

    def _handle(self, *_):
        self.count += 1
        if self.handler:
            self.handler(self.count)

    def __enter__(self):
        self.before = signal.signal(signal.SIGALRM, self._handle)
        signal.siginterrupt(signal.SIGALRM, True)
        signal.setitimer(signal.ITIMER_REAL, self.every, self.every)
        return self

    def __exit__(self, *_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)


def test_full_disk():
    for obj in (None, [1], OBJECT):
        with open("/dev/full", "wb", buffering=0) as full:
            for report in (reports.dump_fd(obj, full.fileno()), reports.dump_file(obj, full)):
                assert report[:3] == (reports.IO, errno.ENOSPC, "builtins.OSError"), report
                assert os.strerror(errno.ENOSPC) in report.message
    # What a file keeps back itself, it says when it is closed or flushed; what it says in write is reported.
    full = open("/dev/full", "wb")
    assert reports.dump_file(OBJECT, full)[:2] == (reports.IO, errno.ENOSPC)
    try:
        full.close()
    except OSError as error:
        assert error.errno == errno.ENOSPC


def test_disk_that_is_full_later(tmp_path):
    """A limit on the size of files: what fits is written, by a write that is short, and the next says why."""
    path = tmp_path / "limited"
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for limit in (1, 100, 65_536, 200_001, len(WHOLE) - 1):
        with open(path, "wb", buffering=0) as file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
            try:
                report = reports.dump_fd(OBJECT, file.fileno())
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert report[:2] == (reports.IO, errno.EFBIG), (limit, report)
        assert path.read_bytes() == WHOLE[:limit]
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("read_before", (0, 1, 5000, 100_000))
def test_pipe_that_is_closed(read_before):
    """Python ignores SIGPIPE."""
    reading, writing = pipe()

    def take():
        left = read_before
        while left > 0:
            left -= len(os.read(reading, left))
        os.close(reading)

    other = Other(take)
    report = reports.dump_fd(OBJECT, writing)
    other.end()
    os.close(writing)
    assert report[:3] == (reports.IO, errno.EPIPE, "builtins.BrokenPipeError"), report


def test_file_on_a_pipe_that_is_closed():
    reading, writing = pipe()
    os.close(reading)
    with open(writing, "wb", buffering=0) as file:
        assert reports.dump_file(OBJECT, file)[:2] == (reports.IO, errno.EPIPE)


def test_connection_that_is_reset():
    one, other = socket.socketpair()
    other.close()
    assert reports.dump_fd(OBJECT, one.fileno())[:2] == (reports.IO, errno.EPIPE)
    assert reports.load_fd(one.fileno()).status == reports.UNPICKLING  # it has ended
    one.close()


@pytest.mark.parametrize("handler", (False, True))
def test_signals_while_writing(handler):
    """Short writes to a pipe of one page, and EINTR all the time, with and without Python code that runs for it."""
    reading, writing = pipe()
    other = Other(lambda: slowly(reading, 3000, 0.0003))
    seen = []
    with Signals((lambda count: seen.append(binding.dumps(count))) if handler else None) as signals:
        report = reports.dump_fd(OBJECT, writing)
    os.close(writing)
    assert report.status == reports.OK and other.end() == WHOLE
    assert signals.count > 10 and len(seen) == (signals.count if handler else 0)
    os.close(reading)


def test_signals_while_reading():
    reading, writing = pipe()

    def give():
        for at in range(0, len(WHOLE), 3000):
            os.write(writing, WHOLE[at : at + 3000])
            time.sleep(0.0003)

    other = Other(give)
    with Signals() as signals:
        report = reports.load_fd(reading)
    other.end()
    assert report.status == reports.OK and report.object == OBJECT and signals.count > 10
    os.close(reading), os.close(writing)


def raises_at(count):
    def handler(number):
        if number == count:
            raise TimeoutError("from the handler")

    return handler


def test_handler_that_raises():
    """Its exception ends the call, in which nobody reads or writes at the other end."""
    reading, writing = pipe()
    for call in (lambda: reports.dump_fd(OBJECT, writing), lambda: reports.load_fd(reading)):
        while select_reads(reading):
            os.read(reading, 100_000)
        with Signals(raises_at(3), 0.01) as signals:
            report = call()
        # TimeoutError is an OSError without errno.
        assert report[:3] == (reports.IO, 0, "builtins.TimeoutError") and signals.count >= 3, report
        assert report.message.startswith("from the handler")
    os.close(reading), os.close(writing)


def select_reads(fd):
    return select.select([fd], [], [], 0)[0]


def test_descriptor_that_would_block():
    """It is not waited for: EAGAIN, after as much as went through. A socket with a timeout is such a descriptor."""
    reading, writing = pipe()
    os.set_blocking(writing, False)
    report = reports.dump_fd(OBJECT, writing)
    assert report[:3] == (reports.IO, errno.EAGAIN, "builtins.BlockingIOError")
    written = b""
    while select_reads(reading):
        written += os.read(reading, 1 << 20)
    assert 0 < len(written) < len(WHOLE) and WHOLE.startswith(written)
    # What fits goes through.
    assert reports.dump_fd([1], writing).status == reports.OK and os.read(reading, 100) == binding.dumps([1])

    os.set_blocking(reading, False)
    assert reports.load_fd(reading)[:3] == (reports.IO, errno.EAGAIN, "builtins.BlockingIOError")
    os.write(writing, WHOLE[:1000])
    assert reports.load_fd(reading)[:2] == (reports.IO, errno.EAGAIN)
    os.close(reading), os.close(writing)


def test_what_is_no_descriptor():
    for call in (lambda fd: reports.dump_fd([1], fd), reports.load_fd):
        assert call(1 << 20)[:2] == (reports.IO, errno.EBADF)
        for fd in (-1, -(1 << 31)):
            assert call(fd).status == reports.INVALID_ARGUMENT
    directory = os.open("/", os.O_RDONLY)
    assert reports.load_fd(directory)[:2] == (reports.IO, errno.EISDIR)
    assert reports.dump_fd([1], directory)[:2] == (reports.IO, errno.EBADF)
    os.close(directory)
    reading, writing = os.pipe()
    assert reports.dump_fd([1], reading)[:2] == (reports.IO, errno.EBADF)
    assert reports.load_fd(writing)[:2] == (reports.IO, errno.EBADF)
    os.close(reading), os.close(writing)


@pytest.mark.parametrize("most", (1, 2, 7, 1000))
def test_short_reads(most):
    """From a callback, a descriptor and a file that give less than they were asked for."""
    small = ["text", list(range(300)), bytes(1000), {"k": (1, 2.5)}]
    data = binding.dumps(small)
    source = io.BytesIO(data + b"next")
    assert reports.load(lambda size: source.read(min(size, most))).object == small
    assert source.read() == b"next"

    class Short(io.RawIOBase):
        def __init__(self):
            self.inner = io.BytesIO(data)

        def readable(self):
            return True

        def readinto(self, into):
            return self.inner.readinto(memoryview(into)[:most])

        def readline(self, size=-1):
            return self.inner.readline()

    # pickle takes the short read of a raw file for an end; we ask again.
    assert reports.load_file(io.BufferedReader(Short())).object == small
    assert reports.load_file(Short()).object == small

    reading, writing = os.pipe()
    other = Other(lambda: [os.write(writing, data[at : at + most]) and time.sleep(0) for at in range(0, len(data), most)])
    assert reports.load_fd(reading).object == small
    other.end()
    os.close(reading), os.close(writing)


@pytest.mark.parametrize("size", sorted({*range(0, 40), 100, 65_000, 70_000, 300_000, len(WHOLE) - 1}))
def test_no_part_passes_for_the_whole(size):
    """A pickle that ends too early, from each kind of source."""
    reading, writing = os.pipe()

    def give():
        with open(writing, "wb") as file:
            file.write(WHOLE[:size])

    other = Other(give)
    assert reports.load_fd(reading).status == reports.UNPICKLING
    other.end()
    os.close(reading)
    assert reports.load_file(io.BytesIO(WHOLE[:size])).status == reports.UNPICKLING
    assert reports.load(io.BytesIO(WHOLE[:size]).read).status == reports.UNPICKLING
    assert reports.loads(WHOLE[:size]).status == reports.UNPICKLING


def test_a_file_that_writes_less():
    """What write of a Python file returns is not looked at, as pickle does not: raw files are for a BufferedWriter."""

    class Raw(io.RawIOBase):
        def __init__(self):
            self.got = b""

        def writable(self):
            return True

        def write(self, data):
            self.got += bytes(data[:100])
            return min(100, len(data))

    raw = Raw()
    with io.BufferedWriter(raw) as file:
        assert reports.dump_file(OBJECT, file).status == reports.OK
        file.flush()
    assert raw.got == WHOLE


def test_a_raw_file_that_writes_less():
    """What `write` answers is not looked at, by `pickle` neither: a raw file goes into an io.BufferedWriter."""

    class Raw:
        got = b""

        def write(self, data):
            self.got += bytes(data[:1])
            return 1

    ours, theirs = Raw(), Raw()
    assert reports.dump_file([1], ours, protocol=4).status == reports.OK
    pickle.Pickler(theirs, 4).dump([1])
    assert ours.got == theirs.got == b"\x80"
