"""The operator that runs a worker job on whatever runtime it asks for, and survives its own death."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, ResumableJobMixin
from airflow.sdk.configuration import conf

from galley.airflow.installation import installation
from galley.airflow.runtimes import open_runtime
from galley.errors import JobInterrupted
from galley.exit_codes import meaning, raise_for
from galley.runtimes import Runtime
from galley.runtimes.waiting import wait
from galley.settings import Settings
from galley.storage import Zones

if TYPE_CHECKING:
    from airflow.sdk import Context


class JobOperator(ResumableJobMixin, BaseOperator):
    """Run ``python -m galley.worker <command> --job <uri>`` and wait for it; the job's log lines become the task's.

    A job outlives the task that started it. Another try finds it again, by the handle in the task's state store or, in
    the gap before that was written, by its label, and waits on. What a handle stands for is checked by the sha256 of
    ``job.json``: a job that runs under another specification is ended, and one that was found by its label alone is
    executed once more after its end, which is quick where everything is done.

    Deferrable, it waits in the triggerer and holds no worker slot meanwhile; without, another try finds the job again.

    :param spec: the planned job: ``job`` (its name and map label), ``uri`` and ``sha256`` of its ``job.json``,
        ``runtime`` (empty: the installation's default), ``requests`` (how much there is to do, for people).
    :param deferrable: whether to wait in the triggerer; default: Airflow's ``operators.default_deferrable``.
    :param open_runtime: gives the runtime of a name; tests give a fake's.
    """

    template_fields = ("spec",)
    external_id_key = "execution"
    ui_color = "#e7e3f4"

    def __init__(
        self,
        *,
        spec: dict[str, Any],
        deferrable: bool | None = None,
        open_runtime: Callable[[str, Settings], Runtime] = open_runtime,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.deferrable = (
            conf.getboolean("operators", "default_deferrable", fallback=False) if deferrable is None else deferrable
        )
        self._open_runtime = open_runtime
        self._handle: str | None = None
        self._found = False
        self._settings: Settings | None = None
        self._opened: Runtime | None = None

    @property
    def job(self) -> str:
        """Name of the job."""
        return str(self.spec["job"])

    @property
    def uri(self) -> str:
        """URI of its ``job.json``."""
        return str(self.spec["uri"])

    def execute(self, context: Context) -> Any:
        """Submit the job or find it again, and wait for its end."""
        context["label"] = self.job
        self._settings = installation()
        result = self.execute_resumable(context)
        self._make_sure()
        return result

    def execute_complete(self, context: Context, event: dict[str, Any], found: bool = False) -> Any:
        """Go on where the triggerer saw the job's end; ``found``: see `submit_job`."""
        context["label"] = self.job
        self._settings = installation()
        self._handle, self._found = str(event["handle"]), found
        if away := event.get("away"):
            raise JobInterrupted(f"job {self.job} may be running: {away}")
        status = self._runtime().status(self._handle)
        if status.state == "running":
            self.log.info("The triggerer took job %s for ended, and it is running; waiting on here", self.job)
            self._wait(self._handle)
        else:
            raise_for(status.exit_code, self.job, "\n".join(event["tail"]))
        self._make_sure()
        return self.get_job_result(event, context)

    def submit_job(self, context: Context) -> dict[str, str | bool]:
        """Start the job; a running one of the same label is taken over, and remembered as found, by later tries too."""
        runtime = self._runtime()
        self._found = runtime.find(self._job()) is not None
        self._handle = self._submit()
        self.log.info("Job %s: %s execution %s", self.job, runtime.name, self._handle)
        handle: dict[str, str | bool] = {"handle": self._handle, "sha256": self.spec["sha256"]}
        return handle | {"found": True} if self._found else handle

    def get_job_status(self, external_id: Any, context: Context) -> str:
        """``running``, or what its exit code means; ``other`` where the handle is of another specification."""
        self._handle, self._found = str(external_id["handle"]), bool(external_id.get("found"))
        if external_id.get("sha256") != self.spec["sha256"]:
            self.log.info("Job %s was planned anew; ending its earlier execution %s", self.job, self._handle)
            self._runtime().cancel(self._handle)
            return "other"
        status = self._runtime().status(self._handle)
        return "running" if status.state == "running" else meaning(status.exit_code)

    def is_job_active(self, status: str) -> bool:
        """Whether to wait on."""
        return status == "running"

    def is_job_succeeded(self, status: str) -> bool:
        """Whether there is nothing left to do."""
        return status == "ok"

    def poll_until_complete(self, external_id: Any, context: Context) -> Any:
        """Wait for the end; returns the result too, for after a reattachment the mixin asks for nothing else."""
        self._handle = str(external_id["handle"])
        if self.deferrable and self._runtime().status(self._handle).state == "running":
            from galley.airflow.job_trigger import JobTrigger

            trigger = JobTrigger(handle=self._handle, runtime=self._runtime_name)
            self.defer(trigger=trigger, method_name="execute_complete", kwargs={"found": self._found})
        self._wait(self._handle)
        return self.get_job_result(external_id, context)

    def get_job_result(self, external_id: Any, context: Context) -> Any:
        """The URI below which the job wrote; never anything it printed."""
        return self.uri.rsplit("/", 1)[0]

    def on_kill(self) -> None:
        """End the job too: SIGTERM, and SIGKILL where that does not help."""
        if self._handle is not None:
            self.log.info("Ending job %s", self.job)
            self._runtime().cancel(self._handle)

    @property
    def _runtime_name(self) -> str:
        return str(self.spec.get("runtime") or "")

    def _runtime(self) -> Runtime:
        # Known since the task began: where one is ended while it asks Airflow, asking again would wait for ever.
        if self._opened is None:
            self._opened = self._open_runtime(self._runtime_name, self._settings or installation())
        return self._opened

    def _job(self) -> Any:
        from galley.worker.__main__ import load_job

        return load_job(Zones.from_settings(self._settings or installation()), self.uri)

    def _submit(self) -> str:
        return self._runtime().submit(self._job(), self.uri)

    def _wait(self, handle: str) -> None:
        wait(self._runtime(), handle, self.job, self.log.info)

    def _make_sure(self) -> None:
        if self._found:
            self.log.info("The job was found running without a handle of ours; executing it once more to be sure")
            self._handle = self._submit()
            self._wait(self._handle)
