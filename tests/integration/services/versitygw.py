"""Versity S3 Gateway: S3 over the files of a directory, whose file system must keep extended attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.services.base import Server, listens
from tests.integration.services.golang import compiled
from tests.integration.services.minio import BUCKET, s3_exports

VERSION = "v1.8.0"
MODULE = "github.com/versity/versitygw/cmd/versitygw"


class VersityServer(Server):
    """One gateway, one directory, one bucket."""

    name = "versitygw"

    def install(self) -> None:
        """Compile it: two minutes of CPU, 84 MB."""
        compiled(self.name, MODULE, VERSION)

    def command(self, folder: Path, facts: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        """A directory below the data directory is a bucket."""
        (folder / "data" / BUCKET).mkdir(parents=True, exist_ok=True)
        program = compiled(self.name, MODULE, VERSION)
        arguments = [str(program), "--quiet", "--port", f"127.0.0.1:{facts['port']}", "posix", str(folder / "data")]
        return arguments, {"ROOT_ACCESS_KEY": facts["user"], "ROOT_SECRET_KEY": facts["password"]}

    def answers(self, facts: dict[str, Any]) -> bool:
        """Whether it listens."""
        return listens(facts["port"])

    def exports(self, facts: dict[str, Any]) -> dict[str, str]:
        """As MinIO's."""
        return s3_exports(facts)
