"""The command ``numerics``: what this machine would make artifacts under, as ``<prefix>/numerics.json``.

The planner has no machine-learning library, so it asks; the answer decides what can be reused. An engine that chooses
its own row counts is certified here; the stock engines need no certificate.
"""

from __future__ import annotations

from galley.engines import numerics_of
from galley.items import Numerics, canonical_json
from galley.models import verified_directory
from galley.worker.attempt import Attempt


def numerics(attempt: Attempt) -> Numerics:
    """Measure and write. Raises `ModelError` where the job's model is not here."""
    source = attempt.model
    found = numerics_of(source, verified_directory(source, attempt.settings.hub_cache), attempt.job.threads)
    attempt.store.put(f"{attempt.prefix}/numerics.json", canonical_json(found.model_dump(mode="json")))
    attempt.say("numerics", digest=found.digest, device=found.device, dtype=found.dtype, isa=found.isa)
    return found
