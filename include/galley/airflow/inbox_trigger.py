"""Watches the inbox in the triggerer, for the DAG that an event wakes and for the sensor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from galley.airflow.inbox_bell import SOON, Bell
from galley.airflow.installation import installation
from galley.errors import StoreError
from galley.stages.inbox import Arrival, Inbox, Lookout
from galley.storage import Zones

AGAIN_SECONDS = 60.0


class RequestFileTrigger(BaseEventTrigger):
    """Tells of one arrived request file at a time, and of the next when a run has claimed it.

    Airflow may make one run of several events, or none of the last, so an event is no more than a call: what is not
    claimed in time is told of again. Nothing is remembered beyond the claims; a triggerer that starts anew, or a second
    one, tells at worst of a file that a run is about to claim.

    :param folder: of the inbox; empty: all of it but the sensor's folder.
    :param poll: seconds between two looks, at most.
    :param again: seconds after which an unclaimed file is told of again.
    """

    def __init__(self, *, folder: str = "", poll: float = 2.0, again: float = AGAIN_SECONDS) -> None:
        super().__init__()
        self.folder, self.poll, self.again = folder, poll, again

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, from which the triggerer makes it again."""
        values = {"folder": self.folder, "poll": self.poll, "again": self.again}
        return f"{type(self).__module__}.{type(self).__qualname__}", values

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Events without end; each carries an `Arrival` as a dictionary."""
        rung = False
        with Bell() as bell:
            while True:
                # Looking reads a disk or asks a server, and the triggerer's loop serves others too.
                if (arrival := await asyncio.to_thread(self._look, bell)) is not None:
                    yield TriggerEvent(arrival.model_dump())
                rung = await bell.pause(min(self.poll, SOON) if rung else self.poll)

    def _look(self, bell: Bell) -> Arrival | None:
        try:
            arrival = self._lookout.look(time.monotonic())
            bell.listen(self._lookout.inbox.zones.inbox, self._lookout.inbox.prefix)
            return arrival
        except StoreError as error:
            # An event trigger that raises is started again at once, and again: wait instead.
            self.log.warning("The inbox cannot be looked at: %s", error)
            self.__dict__.pop("_lookout", None)  # with the keys that it was opened with
            return None

    @cached_property
    def _lookout(self) -> Lookout:
        settings = installation()
        return Lookout(Inbox.of(settings, Zones.from_settings(settings), self.folder), self.again)
