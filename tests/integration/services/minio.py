"""MinIO. Its repository is archived: this is the last commit there is, as the Go module proxy serves it."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from tests.integration.services.base import Server
from tests.integration.services.golang import compiled

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
BUCKET = "galley"


class MinioServer(Server):
    """One node, one directory, one bucket."""

    name = "minio"

    def install(self) -> None:
        """Compile it: three minutes of two idle cores, 150 MB."""
        compiled(self.name, "github.com/minio/minio", VERSION)

    def command(self, folder: Path, facts: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        """A directory below the data directory is a bucket."""
        (folder / "data" / BUCKET).mkdir(parents=True, exist_ok=True)
        program = compiled(self.name, "github.com/minio/minio", VERSION)
        arguments = [str(program), "server", "--quiet", "--address", f"127.0.0.1:{facts['port']}", str(folder / "data")]
        return arguments, {
            "MINIO_ROOT_USER": facts["user"],
            "MINIO_ROOT_PASSWORD": facts["password"],
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }

    def answers(self, facts: dict[str, Any]) -> bool:
        """Whether it asks who we are; until it has read its users it says 503, and ready all the same."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{facts['port']}/{BUCKET}/", timeout=5).close()
        except HTTPError as error:
            with error:
                return error.code == 403
        except OSError:
            return False
        return True

    def exports(self, facts: dict[str, Any]) -> dict[str, str]:
        """The store, and the root credentials: it is a server for trying things out."""
        return s3_exports(facts)


def s3_exports(facts: dict[str, Any]) -> dict[str, str]:
    """What Galley reads of an S3 server."""
    return {
        "GALLEY_STORE_URL": f"s3://{BUCKET}",
        "GALLEY_S3_ENDPOINT_URL": f"http://127.0.0.1:{facts['port']}",
        "GALLEY_S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": facts["user"],
        "AWS_SECRET_ACCESS_KEY": facts["password"],
    }
