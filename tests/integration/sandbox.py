"""A program that tries from inside a job what no job may do, and what has to come of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_PROBE = """
import json, os, signal, socket, sys
tried = {{}}
def attempt(name, do):
    try:
        do()
    except Exception as error:
        tried[name] = getattr(error, "strerror", None) or str(error)
    else:
        tried[name] = ""
attempt("write the root", lambda: open("/intruder", "w"))
attempt("write the code", lambda: open("/opt/galley/include/galley/intruder.py", "w"))
attempt("become root", lambda: os.setuid(0))
{tries}
for address in {addresses!r}:
    attempt(f"reach {{address}}", lambda: socket.create_connection((address, {port}), timeout=3))
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
children = []
try:
    while len(children) < 10000:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except OSError as error:
    tried["fork 10000 processes"] = error.strerror
for child in children:
    os.kill(child, signal.SIGKILL)
facts = {{name: status[name].strip() for name in ("Uid", "CapEff", "CapBnd", "NoNewPrivs")}}
print(json.dumps({{"tried": tried, "forks": len(children), **facts}}), file=sys.stderr, flush=True)
"""


def probe(tries: str, addresses: list[str], port: int) -> str:
    """The program.

    Args:
        tries: lines that call ``attempt(name, do)``.
        addresses: of a listener that it must not reach.
        port: of it.
    """
    return _PROBE.format(tries=tries, addresses=addresses, port=port)


def sealed(line: str) -> dict[str, Any]:
    """What it found, the last line of its log; fails unless every try failed and it has no privileges."""
    found: dict[str, Any] = json.loads(line)
    assert {name: why for name, why in found["tried"].items() if not why} == {}
    assert found["forks"] < 512
    assert found["NoNewPrivs"] == "1"
    assert int(found["CapEff"], 16) == int(found["CapBnd"], 16) == 0
    assert "0" not in found["Uid"].split()
    return found


@contextmanager
def a_listener() -> Iterator[tuple[list[str], int]]:
    """Something of the test's own that listens on this machine: the addresses where a job might find it, and a port."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        addresses = sorted({"127.0.0.1", "172.17.0.1", _own_address()})
        socket.create_connection((addresses[0], port), timeout=5).close()  # it is there for us
        yield addresses, port


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probing:
        try:
            probing.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(probing.getsockname()[0])
