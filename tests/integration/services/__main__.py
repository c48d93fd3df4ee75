"""The command line of the services; see the package's own words."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable

from tests.integration.services import SERVICES, kubernetes_store
from tests.integration.services.base import HOME, Unavailable
from tests.integration.services.kubernetes import Kubernetes


def main() -> int:
    """Exit status 1 where something that was asked for did not come up."""
    parser = argparse.ArgumentParser(prog="services", description="Real servers on loopback.")
    parser.add_argument("action", choices=("install", "up", "down", "status", "env", "load"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SERVICES)}; default: all")
    given = parser.parse_args()
    if unknown := set(given.names) - set(SERVICES):
        parser.error(f"no service is called {', '.join(sorted(unknown))}; there are {', '.join(SERVICES)}")
    actions = {"install": install, "up": up, "down": down, "status": status, "env": env, "load": load}
    return actions[given.action](given.names or list(SERVICES))


def install(names: list[str]) -> int:
    """Get their programs and start nothing."""
    return _each(names, lambda name: SERVICES[name].install(), "installed")


def up(names: list[str]) -> int:
    """Start them; one that cannot be had does not keep the others from coming up."""
    failed = _each(names, lambda name: SERVICES[name].up(HOME / name), "up")
    kubernetes_store.join(SERVICES, HOME)
    return failed


def _each(names: list[str], do: Callable[[str], None], done: str) -> int:
    failed = 0
    for name in names:
        try:
            do(name)
        except Unavailable as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = 1
        else:
            print(f"{name}: {done}")
    return failed


def down(names: list[str]) -> int:
    """End them, the last started first."""
    for name in reversed(names):
        SERVICES[name].down(HOME / name)
        print(f"{name}: down")
    kubernetes_store.join(SERVICES, HOME)
    return 0


def status(names: list[str]) -> int:
    """Say which run."""
    for name in names:
        print(f"{name}: {'up' if SERVICES[name].running(HOME / name) else 'down'}")
    return 0


def env(names: list[str]) -> int:
    """Print ``export NAME=value`` for those that run."""
    found: dict[str, str] = {}
    for name in names:
        if SERVICES[name].running(HOME / name):
            found = SERVICES[name].environment(HOME / name) | found
    if kubernetes_store.ENDPOINT in found:
        found |= kubernetes_store.joined(HOME)
    for variable, value in found.items():
        print(f"export {variable}={shlex.quote(value)}")
    return 0


def load(names: list[str]) -> int:
    """Give the cluster the images on standard input, where it runs."""
    cluster = SERVICES["kubernetes"]
    assert isinstance(cluster, Kubernetes)
    if not cluster.running(HOME / cluster.name):
        return 0
    try:
        cluster.load(HOME / cluster.name, sys.stdin.buffer)
    except Unavailable as error:
        print(f"{cluster.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
