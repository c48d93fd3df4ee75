"""PostgreSQL, as the distribution packages it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.integration.services.base import Server, Unavailable

ACCOUNT = "postgres"


class PostgresServer(Server):
    """One cluster with one database, over TCP on loopback with a password."""

    name = "postgres"

    def install(self) -> None:
        """Look for it; Debian and Ubuntu have it in no directory of PATH."""
        _program("initdb")

    def account(self) -> str | None:
        """PostgreSQL refuses to be root."""
        return ACCOUNT if os.geteuid() == 0 else None

    def command(self, folder: Path, facts: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        """Make the cluster where there is none."""
        data = folder / "data"
        if not (data / "PG_VERSION").exists():
            data.mkdir(parents=True, exist_ok=True)
            if account := self.account():
                shutil.chown(data, account)
            with tempfile.NamedTemporaryFile("w", suffix=".password") as password:
                password.write(facts["password"])
                password.flush()
                if account:
                    shutil.chown(password.name, account)
                arguments = [
                    _program("initdb"),
                    "-D",
                    str(data),
                    "-U",
                    facts["user"],
                    "-A",
                    "scram-sha-256",
                    "-E",
                    "UTF8",
                ]
                arguments += ["--no-sync", f"--pwfile={password.name}"]
                done = subprocess.run(arguments, user=account, capture_output=True, text=True, cwd="/")
            if done.returncode:
                raise Unavailable(f"initdb failed: {done.stderr[-500:]}")
        options = ["-p", str(facts["port"]), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        return [_program("postgres"), "-D", str(data), *options], {}

    def answers(self, facts: dict[str, Any]) -> bool:
        """Whether it takes connections; after a crash it mends its files first."""
        command = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(facts["port"])]
        return subprocess.run(command).returncode == 0

    def exports(self, facts: dict[str, Any]) -> dict[str, str]:
        """The catalog's URL."""
        address = f"127.0.0.1:{facts['port']}/postgres"
        return {"GALLEY_DATABASE_URL": f"postgresql://{facts['user']}:{facts['password']}@{address}"}


def _program(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(places[-1]) if places else shutil.which(name)
    if found is None:
        raise Unavailable("PostgreSQL is not installed; on Debian and Ubuntu: apt install postgresql")
    if os.geteuid() == 0:
        try:
            pwd.getpwnam(ACCOUNT)
        except KeyError:
            raise Unavailable(f"PostgreSQL does not run as root, and there is no account {ACCOUNT}") from None
    return found
