"""The gate beside a container whose store is in S3 (`galley.runtimes.gate`): how it is made, and how it ends.

A job's container brings a small volume in memory, where its gate, to whom it belongs, puts a socket. The gate is
a container in the job's process namespace, so that the kernel ends it with the job, whoever else has died, and the
daemon removes it then. It runs as another user, whose memory and environment the job cannot read, and in the compliance
image: a generation image may be anybody's.

A gate ends before its keys do, and whoever looks at the job then starts another with new ones: the job waits meanwhile.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from galley.errors import JobInterrupted
from galley.runtimes.docker_daemon import LOGS, api_error, find_image, inspect, remove, running
from galley.runtimes.sealed import GATE_FOLDER, GATE_USER, gate_command, gate_environment, store_in_s3
from galley.runtimes.stamped_log import SECOND
from galley.settings import Settings
from galley.storage import Zones

MEMORY = 256 << 20
PIDS = 128
PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before each try to start one: a busy daemon takes a while to make what another submitter asked for."""
SPARE = 120.0
"""Seconds before its keys expire that a gate ends."""
SHORTEST = 5.0
"""Seconds that a gate runs at least."""
_HERE = {"localhost", "127.0.0.1", "::1"}


class DockerGates:
    """The gates of one installation.

    Args:
        settings: of the installation: server, credentials, network.
        store: what marks the installation's containers.
    """

    def __init__(self, settings: Settings, store: str) -> None:
        self._settings, self._store = settings, store
        self._zones = Zones.from_settings(settings)

    @property
    def needed(self) -> bool:
        """Whether jobs have gates. Raises `JobSpecError` where some zones are in S3 and some are not."""
        return store_in_s3(self._settings)

    def volume(self) -> dict[str, Any]:
        """The volume of a job's container."""
        options = {"type": "tmpfs", "device": "tmpfs", "o": f"size=64k,mode=0755,uid={GATE_USER},gid={GATE_USER}"}
        return {
            "Type": "volume",
            "Target": GATE_FOLDER,
            "VolumeOptions": {"NoCopy": True, "DriverConfig": {"Name": "local", "Options": options}},
        }

    def serve(self, daemon: Any, handle: str) -> None:
        """See that the gate of a job's container runs; nothing happens where the job has ended, or needs none.

        Raises:
            JobInterrupted: it does not come up.
            StoreError: there are no credentials.
        """
        if not self.needed:
            return
        name, job = f"galley-gate-{handle[:12]}", ""
        refused: Exception | None = None
        for pause in PAUSES:
            time.sleep(pause)
            known, gate = inspect(daemon, handle), inspect(daemon, name)
            if gate is not None and running(gate):
                return
            if known is None or not running(known):
                if gate is not None:  # made while the job ended, and never to start
                    remove(daemon, gate["Id"])
                return
            job = known["Config"]["Labels"]["galley.job"]
            if gate is not None and gate["State"]["Status"] != "created":
                remove(daemon, gate["Id"])
            try:
                if gate is None:
                    daemon.create_container_from_config(self._config(daemon, known), name)
                daemon.start(name)
                return
            except api_error("APIError") as error:  # another submitter is faster, or the job has ended: look again
                refused = error
        raise JobInterrupted(
            f'job "{job}": its way to the S3 store does not open; the daemon says: {refused}'
        ) from refused

    def clear(self, daemon: Any) -> None:
        """Remove what is left of gates whose job has ended."""
        for listed in daemon.containers(all=True, filters={"label": [f"galley.gate={self._store}"]}):
            if listed["State"] not in ("running", "paused"):
                remove(daemon, listed["Id"])

    def _config(self, daemon: Any, container: dict[str, Any]) -> dict[str, Any]:
        from galley.storage.minio import credentials

        keys, lasting = credentials(self._settings)
        limit = [] if lasting is None else ["timeout", f"{max(SHORTEST, lasting - SPARE):.0f}"]
        (volume,) = [mount["Name"] for mount in container["Mounts"] if mount["Destination"] == GATE_FOLDER]
        host = daemon.create_host_config(
            mounts=[{"Type": "volume", "Source": volume, "Target": GATE_FOLDER, "VolumeOptions": {"NoCopy": True}}],
            network_mode=self._network(),
            pid_mode=f"container:{container['Id']}",
            auto_remove=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            tmpfs={"/tmp": "size=16m,mode=1777"},  # noqa: S108 - the container's
            pids_limit=PIDS,
            mem_limit=MEMORY,
            memswap_limit=MEMORY,
            nano_cpus=SECOND,
            log_config={"Type": "json-file", "Config": LOGS},
        )
        config: dict[str, Any] = daemon.create_container_config(
            image=find_image(daemon, self._settings.image("compliance"))["Id"],
            command=[*limit, *gate_command(container["Config"]["Cmd"][-1])],
            entrypoint=[],
            user=f"{GATE_USER}:{GATE_USER}",
            environment=gate_environment(self._settings, self._zones) | keys,
            working_dir="/tmp",  # noqa: S108
            healthcheck={"test": ["NONE"]},
            labels={"galley.gate": self._store, "galley.gate.job": container["Config"]["Labels"]["galley.job"]},
            host_config=host,
        )
        return config

    def _network(self) -> str:
        """Where the gate meets the store's server: on this machine's own network where that is where it listens."""
        here = urlsplit(self._settings.s3_endpoint_url).hostname in _HERE
        return self._settings.docker_network or ("host" if here else "bridge")
