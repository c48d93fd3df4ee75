"""What a sealed job and the gate beside it (`galley.runtimes.gate`) are told, whatever engine runs them."""

from __future__ import annotations

from galley.errors import JobSpecError
from galley.runtimes.base import HEAP
from galley.settings import Settings
from galley.storage import ZONES, Zones

GATE_FOLDER = "/run/galley"
GATE_SOCKET = f"{GATE_FOLDER}/s3.sock"
GATE_USER = 10002
"""User and group of gates; never a job's."""


def store_in_s3(settings: Settings) -> bool:
    """Whether the zones are in S3, rather than directories. Raises `JobSpecError` where some are and some are not."""
    kinds = {settings.zone(name).partition(":")[0] for name in ZONES}
    if len(kinds) > 1:
        raise JobSpecError(
            "sealed jobs are served zones that are all in S3 or all on this machine: set GALLEY_STORE_URL, or the "
            "runtime to process"
        )
    return kinds == {"s3"}


def job_environment(settings: Settings, zones: Zones, *, gate: bool) -> dict[str, str]:
    """All that a job is told; nothing of this process's environment gets in.

    ``gate`` leads it to one. The keys are then no keys: a gate asks for none.
    """
    to_the_gate = {
        "GALLEY_S3_ENDPOINT_URL": f"unix://{GATE_SOCKET}",
        "GALLEY_S3_ADDRESSING": "path",
        "AWS_ACCESS_KEY_ID": "galley-job",
        "AWS_SECRET_ACCESS_KEY": "held-by-the-gate",
    }
    return {
        **zones.environment(),
        **(to_the_gate if gate else {}),
        "GALLEY_HOME": "/tmp/galley",  # noqa: S108 - the container's
        "GALLEY_MODELS_CACHE": str(settings.hub_cache),
        "HOME": "/tmp",  # noqa: S108
        "USER": "galley",  # the user id need not be in the image's list
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        **HEAP,
    }


def gate_environment(settings: Settings, zones: Zones) -> dict[str, str]:
    """What a gate is told, but the credentials."""
    return {
        **zones.environment(),
        "GALLEY_S3_ENDPOINT_URL": settings.s3_endpoint_url,
        "GALLEY_S3_REGION": settings.s3_region,
        "GALLEY_S3_ADDRESSING": settings.s3_addressing,
        "GALLEY_HOME": "/tmp/galley",  # noqa: S108 - the container's
        "HOME": "/tmp",  # noqa: S108
    }


def gate_command(uri: str) -> list[str]:
    """What a gate runs for the job whose specification lies at ``uri``."""
    return ["python", "-m", "galley.runtimes.gate", "--job", uri, "--socket", GATE_SOCKET]
