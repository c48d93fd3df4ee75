"""Workers killed, terminated and doubled on real (toy) models: nothing is lost, nothing is made twice."""

import os
import random
import signal
import subprocess
import sys
import threading

import pytest

from tests.worker.conftest import toy_job

PARAMS = {"text": {"max_new_tokens": 60}, "image": {"width": 64, "height": 64, "num_inference_steps": 4}}


def digests(ledger):
    return {key: result.artifact.sha256 for key, result in ledger.lines.items()}


@pytest.mark.parametrize("kind", ["text", "image"])
def test_ten_kills_at_random_moments_change_nothing(workplace, toys, kind):
    count, seeds = 60, random.Random(20261101)
    calm, rough = workplace("calm"), workplace("rough")
    job, uri = toy_job(calm, kind, toys[kind], count, **PARAMS[kind])
    code, log = calm.run(uri)
    assert code == 0, log
    expected = digests(calm.ledger(job))
    assert len(expected) == count
    assert len(set(expected.values())) > count // 2

    job, uri = toy_job(rough, kind, toys[kind], count, **PARAMS[kind])
    killed = 0
    for _ in range(10):
        worker = rough.start(uri)
        rough.wait_for_parts(worker, job, rough.parts(job) + seeds.choice([0, 1, 1, 2]))
        threading.Event().wait(seeds.uniform(0, 0.1))
        killed += worker.kill() == -signal.SIGKILL
    # The kills must have struck while there was work, or this test shows nothing.
    assert killed == 10
    assert 0 < rough.parts(job) < count // 2
    code, log = rough.run(uri)
    assert code == 0, log
    found = rough.ledger(job)
    assert digests(found) == expected
    assert (found.repeated, found.bad) == (0, ())
    artifacts = {path.stem for path in (rough.folder(job) / "artifacts").iterdir() if not path.name.startswith(".")}
    assert artifacts == set(expected.values())


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("text", {"engine": "slots", "max_new_tokens": 40}),
        ("image", {"engine": "steps", "width": 64, "height": 64, "num_inference_steps": 5}),
    ],
)
def test_kills_of_an_engine_that_batches_by_itself_change_nothing(workplace, toys, kind, options):
    count, seeds = 200, random.Random(20261126)
    calm, rough = workplace("calm"), workplace("rough")
    job, uri = toy_job(calm, kind, toys[kind], count, **options)
    code, log = calm.run(uri)
    assert code == 0, log
    expected = digests(calm.ledger(job))
    assert len(expected) == count
    job, uri = toy_job(rough, kind, toys[kind], count, **options)
    for number in range(4):
        worker = rough.start(uri)
        rough.wait_for_parts(worker, job, number + 1)
        threading.Event().wait(seeds.uniform(0, 0.1))
        assert worker.kill() == -signal.SIGKILL
    code, log = rough.run(uri)
    assert code == 0, log
    # What was finished is not made again, and what is made again sits in other company than before.
    assert "pending=200" not in log
    found = rough.ledger(job)
    assert digests(found) == expected
    assert (found.repeated, found.bad) == (0, ())


def test_a_worker_presumed_dead_that_still_writes_changes_nothing(workplace, toys):
    calm, doubled = workplace("calm"), workplace("doubled")
    job, uri = toy_job(calm, "text", toys["text"], 12, max_new_tokens=60)
    assert calm.run(uri)[0] == 0
    expected = digests(calm.ledger(job))
    job, uri = toy_job(doubled, "text", toys["text"], 12, max_new_tokens=60)
    workers = [doubled.start(uri), doubled.start(uri)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert digests(doubled.ledger(job)) == expected


def test_sigterm_ends_a_worker_with_75_and_the_next_attempt_goes_on(workplace, toys):
    place = workplace()
    job, uri = toy_job(place, "text", toys["text"], 40, max_new_tokens=100)
    worker = subprocess.Popen(
        [sys.executable, "-m", "galley.worker", "generate", "--job", uri],
        env={**os.environ, "GALLEY_HOME": str(place.settings.home)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    place.wait_for_parts(worker, job, 2)
    worker.send_signal(signal.SIGTERM)
    log = worker.communicate()[1].decode()
    assert worker.returncode == 75, log
    assert "event=terminated" in log
    finished = len(place.ledger(job).lines)
    assert 4 <= finished < 40
    code, log = place.run(uri)
    assert code == 0, log
    assert f"finished={finished}" in log
    assert len(place.ledger(job).lines) == 40
