"""A Docker daemon, beside whatever daemon the machine has."""

from __future__ import annotations

from pathlib import Path

from tests.integration import dockerd
from tests.integration.services.base import Unavailable


class Docker:
    """A `tests.integration.services.base.Service`: Debian's docker.io with a socket and images of its own."""

    name = "docker"

    def install(self) -> None:
        """It is Debian's, and nothing is fetched here."""
        if not dockerd.DAEMON:
            raise Unavailable("there is no dockerd; on Debian: apt install docker.io")

    def up(self, folder: Path) -> None:
        """Start the daemon; nothing happens where it runs."""
        try:
            dockerd.up(folder)
        except dockerd.CannotStart as error:
            raise Unavailable(str(error)) from error

    def down(self, folder: Path) -> None:
        """Stop it and every container; its images stay."""
        dockerd.down(folder)

    def running(self, folder: Path) -> bool:
        """Whether it answers."""
        return dockerd.answers(folder)

    def environment(self, folder: Path) -> dict[str, str]:
        """For docker itself, and for jobs in containers."""
        return {"DOCKER_HOST": dockerd.host(folder)}
