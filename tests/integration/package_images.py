"""The published images of the stack's other services, or the same programs from Debian's packages where none comes.

Such an image takes the same configuration files, variables, volumes and commands as the published one, as far as
`docker/compose.yaml` uses them, under a name of the tests' own.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conftest import ROOT
from tests.integration.real_images import BASE

INSTALLED = """\
FROM {base}
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends {package} \\
 && rm -rf /var/lib/apt/lists/*
"""
POSTGRES = """\
#!/bin/sh
# As the published image: makes the server's directory, runs the scripts for that moment, and serves.
set -eu
data=/var/lib/postgresql/data
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
if [ "$(id -u)" = 0 ]; then
    chown postgres:postgres $data
    exec setpriv --reuid postgres --regid postgres --init-groups sh "$0" "$@"
fi
if [ ! -s $data/PG_VERSION ]; then
    printf %s "$POSTGRES_PASSWORD" > /tmp/password
    initdb --pgdata $data --username postgres --pwfile /tmp/password --auth-local trust --auth-host scram-sha-256 \\
        --encoding UTF8 --locale C.UTF-8
    rm /tmp/password
    echo "host all all all scram-sha-256" >> $data/pg_hba.conf
    pg_ctl --pgdata $data --options "-c listen_addresses=" --wait start
    for script in /docker-entrypoint-initdb.d/*.sh; do sh "$script"; done
    pg_ctl --pgdata $data --mode fast --wait stop
fi
exec postgres -D $data -c listen_addresses='*'
"""
RECIPES = {
    "POSTGRES_IMAGE": (
        "postgresql",
        "RUN mkdir -p /var/lib/postgresql/data\n"
        "COPY entrypoint /entrypoint\n"
        "VOLUME /var/lib/postgresql/data\n"
        'ENTRYPOINT ["sh", "/entrypoint"]\n',
    ),
    "PROMETHEUS_IMAGE": (
        "prometheus",
        "RUN install --directory --owner nobody --group nogroup /prometheus\n"
        "USER nobody\n"
        "VOLUME /prometheus\n"
        'ENTRYPOINT ["prometheus"]\n'
        'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]\n',
    ),
    "BROKER_IMAGE": (
        "redis-server",
        "RUN ln -s /usr/bin/redis-server /usr/local/bin/valkey-server \\\n"
        " && ln -s /usr/bin/redis-cli /usr/local/bin/valkey-cli\n",
    ),
}
"""By the variable of `docker/compose.yaml` that names another image: Debian's package, and the rest of a Dockerfile."""


def stack_images() -> dict[str, str]:
    """What those variables are to be on this machine's daemon: nothing where the published image is there or comes."""
    published = dict(re.findall(r"\$\{(\w+_IMAGE):-([^}]+)\}", (ROOT / "docker" / "compose.yaml").read_text()))
    assert published.keys() == RECIPES.keys()
    return {variable: _from_packages(variable, name) for variable, name in published.items() if not _there(name)}


def _there(name: str) -> bool:
    commands = (["docker", "image", "inspect", name], ["docker", "pull", "--quiet", name])
    return any(subprocess.run(command, capture_output=True).returncode == 0 for command in commands)


def _from_packages(variable: str, published: str) -> str:
    package, rest = RECIPES[variable]
    name = f"localhost/test/{published.rpartition('/')[2]}"
    with TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(INSTALLED.format(base=BASE, package=package) + rest)
        Path(folder, "entrypoint").write_text(POSTGRES)
        command = ["docker", "build", "--network", "host", "--tag", name, folder]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return name
