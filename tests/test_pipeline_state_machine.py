"""The whole pipeline on stores that fail in every way they can, with kills, zombies, reruns and people in between.

Seeded faults strike before or after any operation: errors, hangs, lost replies, duplicates, late writes, stale lists,
truncated bodies. Attempts are killed at any store operation. Whatever happens, what is published is right; and once the
stores are well again, one clean rerun reaches what an undisturbed run would have reached.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from galley.catalog.database import writing
from galley.catalog.facade import Catalog
from galley.catalog.models import Base
from galley.compliance.inputs import prompt_sha256
from galley.errors import GalleyError, InputError
from galley.items import Item, Release, State
from galley.ledger import read_verdicts
from galley.publishing.releases import history, latest, reviews
from galley.publishing.review import approve, reject, withdraw
from galley.stages.collect import Trigger
from galley.stages.record import dispositions
from galley.storage import memory_zones
from galley.storage.faulty import Fault, Faults, FaultyStore
from tests.pipeline import DAY, Pipeline, installation

TRIES = 6
"""Of one stage in a row, as Airflow would make them."""


class Killed(BaseException):
    """The process is gone: nothing catches this, as nothing runs after SIGKILL."""


class KillableFaults(Faults):
    """Faults that can also end the process before the n-th operation from now."""

    kill_in: int | None = None

    def draw(self, operation: str, uri: str) -> Fault | None:
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in < 0:
                self.kill_in = None
                raise Killed
        return super().draw(operation, uri)


class Shared:
    """One installation and one catalog for all examples; each finds the catalog empty and has stores of its own."""

    def __init__(self, root: Path) -> None:
        self.settings = installation(root)
        self.catalog = Catalog.open(self.settings.catalog_url)
        undisturbed = Pipeline(self.settings, memory_zones(), shared=self.catalog)
        undisturbed.run()
        found = list(self.catalog.items(undisturbed.trigger.run))
        self.states: dict[str, State] = {_place(each.item): each.state for each in found}
        self.results = {_place(each.item): (each.request_key, each.source_sha256) for each in found}
        assert set(self.states.values()) == {"published", "held", "blocked", "failed"}

    def forget(self) -> None:
        """Empty the catalog: what other examples made must not decide what this one does."""
        with writing(self.catalog.engine) as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())


def _place(item: Item) -> str:
    """What an item is called whatever its run: item ids hang on the run's name."""
    return f"{item.custom_id}/{item.variant}"


SHARED: Shared


@pytest.fixture(scope="module", autouse=True)
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    global SHARED
    SHARED = Shared(tmp_path_factory.mktemp("installation") / "root")
    yield
    SHARED.catalog.close()


class PipelineMachine(RuleBasedStateMachine):
    """One run, disturbed."""

    @initialize(
        seed=st.integers(0, 2**32 - 1), rate=st.sampled_from((0.01, 0.05, 0.2)), head_start=st.sampled_from(range(7))
    )
    def begin(self, seed: int, rate: float, head_start: int) -> None:
        self.faults = KillableFaults(seed, rate=rate)
        self.true_zones = memory_zones()
        SHARED.forget()
        trigger = Trigger("daily_content", f"scheduled__{DAY}__disturbed", DAY)
        faulty = self.true_zones.wrapped(lambda store: FaultyStore(store, self.faults))
        self.pipeline = Pipeline(SHARED.settings, faulty, trigger, shared=SHARED.catalog)
        self.truth = replace(self.pipeline, zones=self.true_zones)
        self.done: list[str] = []
        self.decided: dict[str, State] = {}
        for _ in range(head_start):
            self._attempt(None)

    # ── what may happen ──────────────────────────────────────────────────────────────────────────────────────────────

    @rule(kill=st.none() | st.integers(0, 60))
    def next_stage(self, kill: int | None) -> None:
        self._attempt(kill)

    @rule(count=st.integers(2, 7))
    def several_stages(self, count: int) -> None:
        for _ in range(count):
            self._attempt(None)

    @precondition(lambda self: "record" in self.done)
    @rule()
    def run_again(self) -> None:
        self.done = []

    @precondition(lambda self: "plan" in self.done)
    @rule(data=st.data(), kill=st.none() | st.integers(0, 30))
    def zombie(self, data: st.DataObject, kill: int | None) -> None:
        """An attempt presumed dead still runs, whatever has happened since."""
        plan = self.truth.planned()
        task = data.draw(st.sampled_from([plan.prompts, *plan.generate, *plan.screen, plan.publish]))
        self.faults.kill_in = kill
        self._survive(lambda: self.pipeline.job(task))

    @precondition(lambda self: "plan" in self.done)
    @rule()
    def publish_before_its_time(self) -> None:
        """Whatever lacks a verdict then must not come out."""
        self._survive(lambda: self.pipeline.job(self.truth.planned().publish))

    @precondition(lambda self: self._released() is not None)
    @rule(data=st.data(), action=st.sampled_from(("approve", "reject", "withdraw")))
    def decide(self, data: st.DataObject, action: str) -> None:
        """A person decides on an item, and does it again until the stores let it happen."""
        items = sorted((item for item in self.truth.files.items()), key=_place)
        item = data.draw(st.sampled_from(items))
        states: dict[str, State] = {"approve": "published", "reject": "blocked", "withdraw": "withdrawn"}
        zones, run = self.pipeline.zones, self.pipeline.trigger.run
        for _ in range(50):
            try:
                if action == "withdraw":
                    withdraw(zones, run, item.item_id, by="kim", reason="because")
                else:
                    (approve if action == "approve" else reject)(zones, run, item.item_id, by="kim", note="because")
            except InputError:
                return  # not held, or not published: nothing to decide
            except GalleyError:
                continue
            self.decided[_place(item)] = states[action]
            return
        raise AssertionError("fifty tries in a row failed; the stores are not that bad")

    # ── what must hold, always ───────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def what_is_published_is_allowed_and_whole(self) -> None:
        releases = self._history()
        if not releases:
            return
        items = {item.item_id: item for item in self.truth.files.items()}
        people = reviews(releases)
        for entry in releases[-1].published:
            data = self.true_zones.read(entry.uri, entry.sha256)
            assert hashlib.sha256(data).hexdigest() == entry.sha256
            self.true_zones.read(entry.sidecar_uri)
            item = items[entry.item_id]
            allowed = self._decisions(prompt_sha256(item.request)), self._decisions(entry.source_sha256)
            if entry.approved_by:
                review = people[entry.item_id]
                assert (review.kind, review.source_sha256) == ("approve", entry.source_sha256)
                assert "block" not in allowed[0] | allowed[1]
            else:
                assert allowed == ({"allow"}, {"allow"})
        for withdrawn in releases[-1].withdrawn:
            assert withdrawn.item_id not in {entry.item_id for entry in releases[-1].published}

    @invariant()
    def the_publisher_gives_every_item_one_state(self) -> None:
        lines = list(dispositions(self.truth.files)) if hasattr(self, "truth") else []
        if lines:
            assert sorted(line.item_id for line in lines) == sorted(item.item_id for item in self.truth.files.items())

    def teardown(self) -> None:
        """The stores are well again, and the run is executed once more."""
        if not hasattr(self, "truth"):
            return
        self.faults.heal()
        self.faults.kill_in = None
        report = self.pipeline.run()
        found = {_place(each.item): each for each in SHARED.catalog.items(self.pipeline.trigger.run)}
        assert {place: (e.request_key, e.source_sha256) for place, e in found.items()} == SHARED.results
        assert {place: each.state for place, each in found.items()} == SHARED.states | self.decided
        published = self._history()[-1].published
        assert {entry.item_id for entry in published} == {
            each.item.item_id for each in found.values() if each.state == "published"
        }
        assert {(e.item.item_id, e.sha256, e.uri) for e in found.values() if e.state == "published"} == {
            (entry.item_id, entry.sha256, entry.uri) for entry in published
        }
        self.what_is_published_is_allowed_and_whole()
        assert report.release_uri.endswith(f"{len(self._history()):05d}.json")
        before = len(self._history())
        self.pipeline.run()
        assert len(self._history()) == before, "a run that is right writes no release"

    # ── how ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _attempt(self, kill: int | None) -> None:
        """The next stage, as often as Airflow would try it; a killed attempt is one of the tries."""
        for name, stage in self._stages():
            if name not in self.done:
                self.faults.kill_in = kill
                for _ in range(TRIES):
                    if self._survive(stage):
                        self.done.append(name)
                        break
                return

    def _stages(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        pipeline = self.pipeline
        yield "collect", pipeline.collect
        yield "plan", pipeline.plan
        plan = self.truth.planned()  # read only once the plan is there: the caller stops before
        for task in (plan.prompts, *plan.generate, *plan.screen, plan.publish):
            yield task.job, lambda task=task: pipeline.job(task)  # type: ignore[misc]
        yield "record", pipeline.record

    def _survive(self, attempt: Callable[[], Any]) -> bool:
        try:
            attempt()
        except (GalleyError, Killed):
            return False
        finally:
            self.faults.kill_in = None
        return True

    def _history(self) -> list[Release]:
        return history(self.true_zones.published, self.pipeline.trigger.run) if hasattr(self, "truth") else []

    def _released(self) -> Release | None:
        found = self._history()
        return found[-1] if found else None

    def _decisions(self, subject: str) -> set[str]:
        work, run = self.true_zones.work, self.truth.files
        prefixes = {
            info.key.split("/verdicts/")[0] for info in work.list(run.key("jobs") + "/") if "/verdicts/" in info.key
        }
        return {
            verdict.decision
            for prefix in prefixes
            for verdict in read_verdicts(work, f"{prefix}/verdicts").lines.values()
            if verdict.subject_sha256 == subject and verdict.complete
        }


TestPipeline = PipelineMachine.TestCase
TestPipeline.settings = settings(
    max_examples=100,
    stateful_step_count=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking ten steps takes minutes: add Phase.shrink to study one
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestPipeline.pytestmark = [pytest.mark.slow]


@pytest.mark.parametrize("stages", range(1, 6))
def test_publishing_too_early_publishes_nothing_that_lacks_a_verdict(tmp_path: Path, stages: int) -> None:
    pipeline = Pipeline(installation(tmp_path / "root"), memory_zones())
    for stage in itertools.islice(pipeline.stages(), stages):
        stage()
    if stages > 1:
        pipeline.job(pipeline.planned().publish)
        release = latest(pipeline.zones.published, pipeline.trigger.run)
        assert release is not None and len(release.published) == (4 if stages > 4 else 0)
    assert pipeline.run().counts == {"published": 4, "held": 1, "blocked": 2, "failed": 1}
