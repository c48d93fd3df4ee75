"""The S3 server as the cluster's pods reach it: one address for them and for this machine, and its keys for gates."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.integration.services import relay
from tests.integration.services.base import Server, Service
from tests.integration.services.kubernetes import apply, secret
from tests.integration.services.kubernetes_config import GATEWAY, NAMESPACE

STORES = ("minio", "versitygw")
"""The first that runs is the store."""
ENDPOINT = "GALLEY_S3_ENDPOINT_URL"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class Relay(Server):
    """From a port of the pods' bridge, which this machine reaches too, to one of 127.0.0.1, where servers listen."""

    name = "relay"

    def install(self) -> None:
        """It is ours."""

    def lead(self, folder: Path, port: int) -> str:
        """Pass on to this port of 127.0.0.1 from now on; the URL there."""
        facts = self.facts(folder)
        if facts.get("target") != port:
            self.down(folder)
            (folder / "facts.json").write_text(json.dumps(facts | {"target": port}))
        self.up(folder)
        return f"http://{GATEWAY}:{facts['port']}"

    def command(self, folder: Path, facts: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        """A program of its own, for it outlives whoever starts it."""
        return [sys.executable, "-I", relay.__file__, GATEWAY, str(facts["port"]), str(facts["target"])], {}

    def answers(self, facts: dict[str, Any]) -> bool:
        """Whether it listens."""
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((GATEWAY, facts["port"])) == 0

    def exports(self, facts: dict[str, Any]) -> dict[str, str]:
        """The store's address, in place of its own."""
        return {ENDPOINT: f"http://{GATEWAY}:{facts['port']}"}


def join(services: Mapping[str, Service], home: Path) -> None:
    """Lead pods to the store and give their gates its keys, where both it and the cluster run; else end the relay."""
    cluster, store = services["kubernetes"], _store(services, home)
    if store is None or not cluster.running(home / cluster.name):
        Relay().down(home / Relay.name)
        return
    exports = store.environment(home / store.name)
    url = Relay().lead(home / Relay.name, int(urlsplit(exports[ENDPOINT]).port or 0))
    apply(home / cluster.name, NAMESPACE, url)
    secret(home / cluster.name, NAMESPACE, "galley-store", {name: exports[name] for name in KEYS})


def joined(home: Path) -> dict[str, str]:
    """What then stands in place of the store's own variables."""
    return Relay().environment(home / Relay.name) if Relay().running(home / Relay.name) else {}


def _store(services: Mapping[str, Service], home: Path) -> Service | None:
    return next((services[name] for name in STORES if services[name].running(home / name)), None)
