"""A Docker daemon of the tests' own: state below one directory, a socket of its own, nothing of the machine's daemon.

    python -m tests.integration.dockerd up DIRECTORY     prints export DOCKER_HOST=…
    python -m tests.integration.dockerd down DIRECTORY

Needs root and Debian's docker.io (``apt-get install docker.io``). Images stay in the directory when it is stopped.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

DAEMON = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""
START, STOP = 120.0, 60.0
"""Seconds to wait at most."""
_started: dict[Path, subprocess.Popen[bytes]] = {}
"""Daemons of this process, by directory: kept, for Python takes one that is dropped for forgotten."""


class CannotStart(Exception):
    """Why there can be no daemon here."""


def host(directory: Path) -> str:
    """What DOCKER_HOST is for the daemon of a directory."""
    return f"unix://{directory.resolve() / 'docker.sock'}"


def up(directory: Path) -> str:
    """Start the daemon, or find it running; its DOCKER_HOST. Raises `CannotStart`."""
    if answers(directory):
        return host(directory)
    if not DAEMON:
        raise CannotStart("there is no dockerd; run: apt-get install docker.io")
    if os.geteuid() != 0:
        raise CannotStart("dockerd needs root")
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    containerd = directory / "exec" / "containerd" / "containerd.pid"
    for left in (directory / "docker.pid", directory / "docker.sock"):
        left.unlink(missing_ok=True)
    if _process(containerd) is None:
        containerd.unlink(missing_ok=True)  # where it has ended unreaped, a daemon would wait for it in vain
    if killed := _started.pop(directory, None):
        killed.wait()
    command = [
        DAEMON, "--data-root", str(directory / "data"), "--exec-root", str(directory / "exec"),
        "--pidfile", str(directory / "docker.pid"), "--host", host(directory),
    ]  # fmt: skip
    with (directory / "dockerd.log").open("ab") as log:
        started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    _started[directory] = started
    deadline = time.monotonic() + START
    while not answers(directory):
        if started.poll() is not None or time.monotonic() > deadline:
            last = (directory / "dockerd.log").read_text(errors="replace").splitlines()[-5:]
            raise CannotStart("dockerd did not come up:\n" + "\n".join(last))
        time.sleep(0.1)
    return host(directory)


def down(directory: Path) -> None:
    """Stop the daemon and with it every container; nothing happens where none runs."""
    pid = running(directory)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP
    while running(directory) is not None:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    if started := _started.pop(directory.resolve(), None):
        started.wait()


def running(directory: Path) -> int | None:
    """The process id of the directory's daemon, or None."""
    found = _process(directory / "docker.pid")
    return found[0] if found and str(directory.resolve() / "data").encode() in found[1] else None


def _process(pidfile: Path) -> tuple[int, list[bytes]] | None:
    """Id and command of the process that a file names; None where it has ended, reaped or not."""
    try:
        pid = int(pidfile.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, ValueError):
        return None
    return None if state == "Z" else (pid, command)


def answers(directory: Path) -> bool:
    """Whether the directory's daemon answers."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(20)
        try:
            asked.connect(str(directory.resolve() / "docker.sock"))
            asked.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in asked.recv(100)
        except OSError:
            return False


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up", where]:
            print(f"export DOCKER_HOST={up(Path(where))}")
        case ["down", where]:
            down(Path(where))
        case _:
            sys.exit(__doc__)
