"""The small copies that a run's screening left of its pictures."""

from __future__ import annotations

from galley.compliance.thumbnails import thumbnail_key
from galley.errors import ObjectNotFound
from galley.stages.run import RunFiles


class Thumbnails:
    """Those of one run; its plan, which says where they may lie, is read once.

    Args:
        files: the run's objects.
    """

    def __init__(self, files: RunFiles) -> None:
        self._files = files
        plan = files.plan()
        self._jobs = tuple(task.job for task in plan.screen) if plan else ()

    def get(self, sha256: str) -> bytes | None:
        """The thumbnail of the picture whose bytes as it was made have this digest; None where there is none.

        Raises `StoreError` where the store does not answer.
        """
        for job in self._jobs:
            try:
                data = self._files.work.get(thumbnail_key(self._files.key("jobs", job), sha256))
            except ObjectNotFound:
                continue
            # The next picture asked for is most likely this one's neighbour.
            self._jobs = (job, *(other for other in self._jobs if other != job))
            return data
        return None
