"""The small process between a submitter and its worker: it starts the worker, waits, and writes down the exit code.

    submitter --(waits for the handle only)--> this, in a session of its own --> worker

So the exit code is recorded although the submitter is long gone, and no worker is a child of an Airflow task, whose
supervisor would wait for it. The submitter has locked a file and hands the descriptor down; this process and the worker
keep it open, so the lock is held exactly as long as one of them lives, whatever became of process ids meanwhile. The
worker leads a process group of its own: killing it leaves this process to write down how it ended.

Standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType


def main(argv: list[str]) -> int:
    """``FOLDER LOCK_DESCRIPTOR COMMAND…``: returns once ``FOLDER/handle.json`` says what was started."""
    folder, lock, command = Path(argv[0]), int(argv[1]), argv[2:]
    ready, tell = os.pipe()
    if os.fork():
        os.close(tell)
        return 0 if os.read(ready, 1) else 1
    os.close(ready)
    os.setsid()
    os.set_inheritable(lock, True)
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, frame: FrameType | None) -> None:
        for child in children:
            child.send_signal(number)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, forward)
    with (folder / "log").open("ab", buffering=0) as log:
        try:
            child = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(lock,), cwd=folder, process_group=0
            )
        except OSError as error:
            log.write(f"cannot start {command[0]}: {error}\n".encode())
            write(folder / "exit", b"65")
            os.write(tell, b"1")
            os._exit(0)
    children.append(child)
    write(
        folder / "handle.json",
        json.dumps({"pid": os.getpid(), "group": child.pid, "started": started(child.pid)}).encode(),
    )
    os.write(tell, b"1")
    os.close(tell)
    code = child.wait()
    write(folder / "exit", str(code).encode())
    os._exit(0)


def started(pid: int) -> str:
    """When a process started, to tell it from a later one with the same id; ``""`` where there is none.

    Field 22 of ``/proc/<pid>/stat`` (proc_pid_stat(5)) with the boot's id; elsewhere what ``ps`` says.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{stat.rsplit(')', 1)[1].split()[19]}"
    except (OSError, IndexError):
        pass
    if Path("/proc/self").exists():
        return ""
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return found.stdout.strip()


def write(path: Path, data: bytes) -> None:
    """Atomically: readers see nothing or everything."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    Path(partial).replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
