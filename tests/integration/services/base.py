"""What a service is, and the kind that is one server process on one port."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

HOME = Path(__file__).resolve().parents[3] / ".galley-services"
"""Where services live that nobody gave another place."""
PATIENCE = 120.0
"""Seconds until a server must answer; machines that run tests are busy."""


class Unavailable(Exception):
    """The service cannot be had on this machine; the message says why and what would help."""


class Service(Protocol):
    """Something that tests and people need running. All state lies in ``folder``, so there may be any number of one."""

    name: str

    def install(self) -> None:
        """Get the programs, which may take minutes the first time. Raises `Unavailable`."""

    def up(self, folder: Path) -> None:
        """Start it and wait until it answers; nothing happens where it runs."""

    def down(self, folder: Path) -> None:
        """End it and wait until it is gone; its data stays."""

    def running(self, folder: Path) -> bool:
        """Whether it is up."""

    def environment(self, folder: Path) -> dict[str, str]:
        """The variables that make Galley use it, while it runs."""


class Server(ABC):
    """A service that is one process. It holds a lock on ``folder/lock``, so no recycled process id is taken for it."""

    name: str

    @abstractmethod
    def install(self) -> None:
        """As `Service.install`."""

    @abstractmethod
    def command(self, folder: Path, facts: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        """Arguments and further environment; ``facts`` has a free ``port``, ``user`` and a random ``password``."""

    @abstractmethod
    def answers(self, facts: dict[str, Any]) -> bool:
        """Whether it serves by now."""

    @abstractmethod
    def exports(self, facts: dict[str, Any]) -> dict[str, str]:
        """As `Service.environment`."""

    def account(self) -> str | None:
        """The system account to run as, where root itself will not do."""
        return None

    def facts(self, folder: Path) -> dict[str, Any]:
        """Port and credentials, made once."""
        path = folder / "facts.json"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = {"port": free_port(), "user": "galley" + secrets.token_hex(4), "password": secrets.token_hex(20)}
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(made, file)
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def up(self, folder: Path) -> None:
        """As `Service.up`."""
        if self.running(folder):
            return
        self.install()
        facts = self.facts(folder)
        arguments, environment = self.command(folder, facts)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with (folder / "log").open("ab") as log:
                process = subprocess.Popen(
                    arguments,
                    env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"} | environment,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),
                    start_new_session=True,
                    user=self.account(),
                )
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(process.pid).encode(), 0)
        finally:
            os.close(lock)
        end = time.monotonic() + PATIENCE
        while not self.answers(facts):
            if process.poll() is not None or time.monotonic() > end:
                last = "\n".join((folder / "log").read_text(errors="replace").splitlines()[-10:])
                raise Unavailable(f"{self.name} does not answer on port {facts['port']}; see {folder / 'log'}:\n{last}")
            time.sleep(0.1)
        process.returncode = 0  # it outlives us: nothing here waits for it any more

    def down(self, folder: Path) -> None:
        """As `Service.down`."""
        self.end(folder, signal.SIGTERM)

    def kill(self, folder: Path) -> None:
        """End it without a chance to put anything in order."""
        self.end(folder, signal.SIGKILL)

    def end(self, folder: Path, number: signal.Signals) -> None:
        """Send the signal, SIGKILL after 20 seconds, and wait."""
        since = time.monotonic()
        while self.running(folder):
            with suppress(ProcessLookupError):
                os.killpg(self.pid(folder), number if time.monotonic() - since < 20 else signal.SIGKILL)
            time.sleep(0.1)
            reap(self.pid(folder))

    def pid(self, folder: Path) -> int:
        """Process id of the server that runs, or ran last."""
        return int((folder / "lock").read_text() or 0)

    def running(self, folder: Path) -> bool:
        """As `Service.running`."""
        try:
            lock = os.open(folder / "lock", os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def environment(self, folder: Path) -> dict[str, str]:
        """As `Service.environment`."""
        return self.exports(self.facts(folder))


def reap(pid: int) -> None:
    """Forget a child of ours that ended."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something takes connections on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
