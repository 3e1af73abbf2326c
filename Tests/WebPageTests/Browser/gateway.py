"""The server under test: a command started on a port of its own, stopped and started again there."""

import os
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

START_SECONDS = 60
STOP_SECONDS = 60


class Gateway:
    def __init__(self, command, log):
        """`command` with `{port}` where the port goes; output is appended to the file `log`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self._command = shlex.split(command.replace("{port}", str(self.port)))
        self._log = log
        self._process = None

    def start(self):
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self._process.returncode}: {self.last_words()}")
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the gateway did not answer within {START_SECONDS} s: {self.last_words()}")
            time.sleep(0.1)

    def is_down(self):
        return self._process is None

    def stop(self):
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def last_words(self):
        with open(self._log, "rb") as log:
            log.seek(max(0, os.path.getsize(self._log) - 2_000))
            return log.read().decode(errors="replace")

    def _answers(self):
        try:
            with urllib.request.urlopen(self.origin + "/", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False
