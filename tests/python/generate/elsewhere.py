"""Other processes that load what was dumped here."""

import json
import os
import select
import subprocess
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATIENCE = 60


class Elsewhere:
    """Loads by `pickle` or by `ours`; started at the first question, and again if it ended."""

    def __init__(self, by):
        self.by, self.process, self.errors = by, None, None

    def _start(self):
        # -S leaves site-packages out, and with it cloudpickle.
        flags = ["-S"] if self.by == "ours" else []
        environment = {**os.environ, "PYTHONPATH": HERE, "PYTHONHASHSEED": "1"}
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [os.environ["PLAIN_PYTHON"], "-W", "ignore", *flags, "-m", "generate.serve", self.by],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=environment, cwd=HERE, bufsize=0,
        )

    def load(self, data):
        """(description, None) or (None, why it does not load)."""
        if self.process is None:
            self._start()
        try:
            self._write(len(data).to_bytes(8, "big") + data)
            return tuple(json.loads(self._read(int.from_bytes(self._read(8), "big"))))
        except (EOFError, BrokenPipeError, TimeoutError) as error:
            status = self.process.poll()
            self.errors.seek(0)
            words = self.errors.read()[-2000:].decode(errors="replace")
            self.stop()
            raise AssertionError("the process that loads by %s ended with %s, %s: %s" % (self.by, status, error, words)) from error

    def _write(self, data):
        while data:
            data = data[self.process.stdin.write(data) :]

    def _read(self, size):
        found = b""
        while len(found) < size:
            if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
                raise TimeoutError("no answer in %d seconds" % PATIENCE)
            more = self.process.stdout.read(size - len(found))
            if not more:
                raise EOFError("end of file")
            found += more
        return found

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
            self.errors.close()
            self.process = None
