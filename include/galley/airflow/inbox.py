"""How a run gets its request file: the first task of the DAG that is woken, and the sensor of the one that waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator, get_current_context, task
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException, TaskDeferred

from galley.airflow.installation import installation
from galley.airflow.run_notes import NOTE_KEY, quoted
from galley.errors import InputError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from galley.settings import Settings
    from galley.stages.inbox import Arrival, Inbox

INBOX_NAME, INBOX_URI = "galley_inbox", "x-galley://inbox"
"""Name and URI of the asset that a watcher updates when a request file waits to be claimed."""


@task(doc_md="Claim a request file for this run and copy it; where none is left for it, skip the run")
def claim_file() -> str:
    """Returns the file's URI in the inbox.

    First the files that woke the run are tried, then whatever else waits: a run that somebody started by hand, or that
    came late, is as good as any.
    """
    context: Any = get_current_context()
    settings = installation()
    inbox = _inbox(settings, "")
    events = context["triggering_asset_events"]
    offered = chain(offers(events[asset] for asset in events), inbox.waiting(settings.inbox_poll))
    uri = _claim(context, inbox, offered)
    if uri is None:
        context["ti"].xcom_push(key=NOTE_KEY, value="no request file was left for this run")
        raise AirflowSkipException("no request file is left for this run; other runs have claimed them")
    return uri


class RequestFileSensor(BaseSensorOperator):
    """Wait in the triggerer until a request file can be claimed; claim and copy it, and return its URI in the inbox.

    Where another run was faster it waits on, for the time that is left. Cleared or tried again, it has the file that it
    had.

    :param folder: of the inbox.
    """

    def __init__(self, *, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = folder

    def execute(self, context: Context) -> str:
        """Claim what the run has a claim on already, or wait."""
        return _claim(context, self._inbox(), ()) or self._wait(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Claim what the trigger saw, or wait on."""
        from galley.stages.inbox import Arrival

        return _claim(context, self._inbox(), [Arrival.model_validate(event)]) or self._wait(context)

    def _inbox(self) -> Inbox:
        return _inbox(installation(), self.folder)

    def _wait(self, context: Context) -> NoReturn:
        from galley.airflow.inbox_trigger import RequestFileTrigger

        # Airflow counts a deferral's timeout from the deferral, and keeps the first start of a task that goes on.
        left = context["ti"].start_date + timedelta(seconds=self.timeout) - datetime.now(UTC)
        if left <= timedelta():
            raise AirflowSensorTimeout(f"no request file could be claimed within {self.timeout:g} s")
        trigger = RequestFileTrigger(folder=self.folder, poll=self.poke_interval)
        raise TaskDeferred(trigger=trigger, method_name="execute_complete", timeout=left)


def offers(events: Iterable[Iterable[Any]]) -> Iterator[Arrival]:
    """The request files that asset events tell of; events of another making, which anybody may post, only wake."""
    from pydantic import ValidationError

    from galley.stages.inbox import Arrival

    for event in chain.from_iterable(events):
        try:
            yield Arrival.model_validate(event.extra.get("payload"))
        except ValidationError:
            continue


def _inbox(settings: Settings, folder: str) -> Inbox:
    from galley.stages.inbox import Inbox
    from galley.storage import Zones

    return Inbox.of(settings, Zones.from_settings(settings), folder)


def _claim(context: Any, inbox: Inbox, offered: Iterable[Arrival]) -> str | None:
    from galley.items import run_name
    from galley.stages.collect import check_conf

    dag_run = context["dag_run"]
    try:
        check_conf(dag_run.dag_id, dag_run.conf or ())
        claim = inbox.claim(run_name(dag_run.dag_id, dag_run.run_id), offered, print)
    except InputError as error:
        context["ti"].xcom_push(key=NOTE_KEY, value=f"nothing made, {quoted(str(error))}")
        raise  # as it is: a sensor's soft_fail would turn an exception of Airflow's into a skip
    if claim is None or claim.source is None:
        return None
    print(f"run={claim.run} file={claim.arrival.key} brief={claim.brief or '(none)'} sha256={claim.source.sha256}")
    return inbox.zones.uri(inbox.zones.inbox, claim.arrival.key)
