"""Every setting, read from the environment once and passed on; nothing else in Galley reads `os.environ`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from galley import __version__

_PACKAGE = Path(__file__).resolve().parent
_PROJECT = _PACKAGE / "project"
"""Where an installed wheel has what a checkout has beside the package: dags/, include/, airflow_settings.yaml."""


def project_root() -> Path:
    """The checkout this package lies in, or what its wheel brought of one."""
    return _PROJECT if _PROJECT.is_dir() else _PACKAGE.parents[1]


def default_home() -> Path:
    """``.galley`` in a checkout; of an installed wheel ``galley`` beside what else Airflow keeps in its home."""
    if not _PROJECT.is_dir():
        return project_root() / ".galley"
    return Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser() / "galley"


class S3Keys(BaseModel):
    """Credentials of an S3 server; printed, they are asterisks."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    access_key: str
    secret_key: SecretStr
    session_token: SecretStr = SecretStr("")

    def environment(self) -> dict[str, str]:
        """As the variables that a process reads them from."""
        keys = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key.get_secret_value()}
        token = self.session_token.get_secret_value()
        return keys | ({"AWS_SESSION_TOKEN": token} if token else {})


class Settings(BaseSettings):
    """Settings with the prefix ``GALLEY_``, for example ``GALLEY_HOME``; the defaults need nothing but a directory."""

    model_config = SettingsConfigDict(env_prefix="GALLEY_", frozen=True, extra="ignore", env_ignore_empty=True)

    root: Path = Field(default_factory=project_root, description="Project directory: dags/, include/, plugins/.")
    home: Path = Field(
        default_factory=default_home,
        description="All state: store, catalog, Airflow's own files. Deleting it resets everything.",
    )
    store_url: str = Field("", description="Root of the four zones; default file://$GALLEY_HOME/store.")
    inbox_url: str = Field("", description="Where others put request files; default <store>/inbox.")
    work_url: str = Field("", description="Items, plans, jobs and their artifacts; default <store>/work.")
    quarantine_url: str = Field("", description="Held and blocked artifacts; default <store>/quarantine.")
    published_url: str = Field("", description="What passed, and the releases; default <store>/published.")
    s3_endpoint_url: str = Field("", description="URL of the S3 server of s3:// stores; default AWS.")
    s3_region: str = Field("us-east-1", description="Region of the buckets; most servers but AWS take any.")
    s3_addressing: Literal["auto", "path", "virtual"] = Field(
        "auto", description="Whether a bucket's name stands in the URL's path or host; auto: in the host at AWS."
    )
    s3_keys: S3Keys | None = Field(
        None,
        exclude=True,
        description="Keys that the Airflow connection galley_store gave; default: those of the environment, a file or "
        "a role.",
    )
    inbox_sensor_folder: str = Field(
        "sensor",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="Folder of the inbox that inbox_content_sensor serves and inbox_content leaves alone.",
    )
    inbox_active_runs: int = Field(
        16, ge=1, le=1000, description="Runs of inbox_content at once; the pools bound what they do at once."
    )
    inbox_poll: float = Field(
        2.0,
        gt=0,
        le=3600,
        description="Seconds between two looks at the inbox; a file has arrived when two looks find it unchanged.",
    )
    database_url: str = Field("", description="The catalog; default SQLite at $GALLEY_HOME/catalog.db.")
    runtime: str = Field(
        "", description="How jobs are executed where the brief does not say: process, docker or kubernetes."
    )
    runtime_patience: float = Field(
        1800.0,
        gt=0,
        description="Seconds that a deferred task waits for a Docker daemon or an API server that does not answer; "
        "then its try fails.",
    )
    registry: str = Field("localhost", description="What the names of our images begin with.")
    image_generation: str = Field(
        "",
        description="Image of generation jobs, by name or digest; default <registry>/galley/dify-generation:<version>.",
    )
    image_compliance: str = Field(
        "", description="Image of all other jobs; default <registry>/galley/dify-compliance:<version>."
    )
    kubernetes_namespace: str = Field(
        "", description="Namespace of jobs' pods; default: the one that the configuration of KUBECONFIG names."
    )
    kubernetes_volumes: dict[str, Path] = Field(
        default_factory=dict,
        description="Of pods: persistent volume claims and the directories here that hold the same files, as JSON.",
    )
    kubernetes_pod_template: Path | None = Field(
        None, description="Manifest of a Pod that jobs' pods begin from: node selectors, tolerations, pull secrets …"
    )
    kubernetes_store_secret: str = Field(
        "galley-store", description="Secret with the credentials of an S3 store (AWS_ACCESS_KEY_ID …), for gates alone."
    )
    kubernetes_start_timeout: float = Field(
        900.0, gt=0, description="Seconds that a pod may wait for a node, its image and its volumes."
    )
    docker_network: str = Field(
        "",
        description="Docker network from which jobs' gates reach the S3 server; default: the machine's own for a "
        "server on this machine, else bridge.",
    )
    timezone: str = Field("UTC", description="Timezone of the daily schedule and so of content dates (IANA name).")
    schedule: str = Field("0 0 * * *", description="Cron expression of the daily run, in `timezone`.")
    worker_python: Path = Field(
        default_factory=lambda: project_root() / ".venv-worker" / "bin" / "python",
        description="Interpreter of the worker environment, for the process runtime and model commands.",
    )
    worker_slots: int = Field(1, ge=1, le=64, description="Jobs of one run that may run at once.")
    port: int = Field(8080, ge=1, le=65535, description="Port of a standing Airflow (galley up) on 127.0.0.1.")
    gpus: int = Field(0, ge=0, le=64, description="GPUs of this installation; 0: generation jobs ask for none.")
    worker_threads: int = Field(2, ge=1, le=256, description="CPU threads of one job; part of its numerics.")
    max_batch_size: int = Field(
        0,
        ge=0,
        le=4096,
        description="Rows of one forward at most, where models.yaml does not say; 0: the engine's best.",
    )
    briefs_dir: Path = Field(default_factory=lambda: project_root() / "include" / "briefs")
    policies_dir: Path = Field(default_factory=lambda: project_root() / "include" / "policies")
    models_file: Path = Field(default_factory=lambda: project_root() / "include" / "models" / "models.yaml")
    models_cache: Path | None = Field(None, description="Hub cache directory; default the hub library's own.")

    @field_validator("root", "home", "briefs_dir", "policies_dir", "models_file")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().resolve()

    @field_validator("worker_python")
    @classmethod
    def _absolute_unresolved(cls, path: Path) -> Path:
        # A virtual environment's python is a symbolic link whose place decides which packages it sees.
        return path.expanduser().absolute()

    def zone(self, name: str) -> str:
        """URL of a zone: ``inbox``, ``work``, ``quarantine`` or ``published``."""
        root = self.store_url or "file://" + quote(str(self.home / "store"))
        return (getattr(self, f"{name}_url") or f"{root.rstrip('/')}/{name}").rstrip("/")

    def image(self, name: str) -> str:
        """The image ``generation`` or ``compliance``."""
        chosen = str(getattr(self, f"image_{name}"))
        return chosen or f"{self.registry.rstrip('/')}/galley/dify-{name}:{__version__}"

    @property
    def catalog_url(self) -> str:
        """SQLAlchemy URL of the catalog."""
        return self.database_url or f"sqlite:///{self.home / 'catalog.db'}"

    @property
    def hub_cache(self) -> Path:
        """Where hub models lie: `models_cache`, or where the hub library itself would look (its own variables)."""
        if self.models_cache is not None:
            return self.models_cache.expanduser().absolute()
        if chosen := os.environ.get("HF_HUB_CACHE"):
            return Path(chosen).expanduser().absolute()
        home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
        return Path(home).expanduser().absolute() / "hub"

    @property
    def python_here(self) -> Path:
        """The interpreter that is running now."""
        return Path(sys.executable)
