from pathlib import Path

import pytest

from galley.errors import (
    GalleyError,
    IntegrityError,
    JobError,
    JobInterrupted,
    JobSpecError,
    ModelRefused,
    ObjectExists,
    StoreUnavailable,
    WriteUnknown,
)
from galley.exit_codes import code_of, meaning, raise_for
from galley.items import Numerics
from galley.storage import memory_zones
from galley.storage.faulty import Fault, Faults, FaultyStore
from galley.worker import __main__ as worker
from galley.worker.log import Progress
from galley.worker.stop import Stop, Terminated
from tests.jobs import put_job, request, source, text_model


@pytest.fixture
def model(tmp_path):
    return source(text_model(tmp_path / "model"), engine="echo")


@pytest.fixture
def zones():
    return memory_zones()


@pytest.fixture
def uri(zones, model):
    return put_job(zones, [request("text", "hello", model.digest)], model)[1]


def test_a_job_that_is_done_gives_0(zones, uri):
    assert worker.run("generate", uri, zones=zones) == 0
    assert worker.run("generate", uri, zones=zones) == 0


def test_wrong_jobs_give_65_and_say_what_is_wrong(zones, uri, capsys):
    store, key = zones.resolve(uri)
    for command, where, content, why in [
        ("screen", uri, None, "is a generate job, not screen"),
        ("generate", "memory://work/none.json", None, "no job specification"),
        ("generate", "file:///etc/passwd", None, "not the URI of an object in one of the zones"),
        ("generate", uri, b"{}", "is not a job specification"),
        ("generate", uri, b"\xff", "is not a job specification"),
    ]:
        before = store.get(key)
        if content is not None:
            store.put(key, content)
        assert worker.run(command, where, zones=zones) == 65
        assert why in capsys.readouterr().err
        store.put(key, before)


def test_a_model_that_changed_gives_65(zones, uri, model, capsys):
    text_model(Path(model.source), b"\7\7\7\7")
    assert worker.run("generate", uri, zones=zones) == 65
    assert "plan again" in capsys.readouterr().err


def test_a_store_that_is_away_gives_75(zones, uri):
    away = zones.wrapped(lambda store: FaultyStore(store, Faults(schedule=[Fault.ERROR] * 1000)))
    assert worker.run("generate", uri, zones=away) == 75


def test_a_bug_gives_1_with_a_traceback(zones, model, capsys):
    _, uri = put_job(zones, [request("text", "CRASH", model.digest)], model)
    assert worker.run("generate", uri, zones=zones) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["generate"], ["dance", "--job", "x"], ["generate", "--jobs"]])
def test_a_wrong_command_line_gives_65_not_argparses_2(argv, capsys):
    assert worker.main(argv) == 65
    assert worker.main(["--help"]) == 0


def test_numerics_are_written_where_the_planner_looks(zones, model):
    job, uri = put_job(zones, [request("text", "hello", model.digest)], model)
    store, key = zones.resolve(uri)
    store.put(key, job.model_copy(update={"command": "numerics"}).model_dump_json().encode())
    assert worker.run("numerics", uri, zones=zones) == 0
    found = Numerics.model_validate_json(zones.read(f"{job.prefix}/numerics.json"))
    assert found.engine == "echo"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (JobSpecError("x"), 65),
        (ModelRefused("x"), 65),
        (JobInterrupted("x"), 75),
        (StoreUnavailable("x"), 75),
        (WriteUnknown("x"), 75),
        (IntegrityError("x"), 75),
        (MemoryError(), 75),
        (OSError(28, "No space left on device"), 75),
        (OSError(2, "No such file"), 1),
        (ObjectExists("x"), 1),
        (GalleyError("x"), 1),
        (ValueError("x"), 1),
    ],
)
def test_errors_have_exit_codes(error, code):
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("code", "kind", "error"),
    [
        (65, "spec", JobSpecError),
        (75, "again", JobInterrupted),
        (-9, "again", JobInterrupted),
        (137, "again", JobInterrupted),
        (143, "again", JobInterrupted),
        (None, "again", JobInterrupted),
        (1, "bug", JobError),
        (2, "bug", JobError),
    ],
)
def test_exit_codes_have_meanings_and_errors_with_the_last_log_lines(code, kind, error):
    assert meaning(code) == kind
    with pytest.raises(error, match="the last line") as caught:
        raise_for(code, "r/j", "the last line")
    assert type(caught.value) is error


def test_0_raises_nothing():
    assert meaning(0) == "ok"
    raise_for(0, "r/j")


def test_a_signal_is_remembered_though_its_exception_was_swallowed():
    stop = Stop()
    stop.check()
    with pytest.raises(Terminated):
        stop._handle(15, None)
    stop._handle(15, None)  # a second one does not disturb the cleaning up
    with pytest.raises(Terminated, match="SIGTERM"):
        stop.check()
    assert not issubclass(Terminated, Exception)


def test_progress_tells_rate_and_time_left_and_always_the_end(monkeypatch):
    clock = iter([0.0, 1.0, 1.5, 4.0, 4.1])
    monkeypatch.setattr("galley.worker.log.time.monotonic", lambda: next(clock))
    said = []
    progress = Progress(lambda event, **fields: said.append(fields), 10, done=2)
    for done in (4, 5, 8, 10):
        progress(done)
    assert [fields["done"] for fields in said] == [4, 8, 10]
    assert said[0] == {"done": 4, "of": 10, "rate": "2.00/s", "eta": "3s"}
    assert said[-1]["eta"] == "0s"


def test_log_lines_are_one_line_each_and_short(capsys):
    from galley.worker.log import stderr_say

    stderr_say("j-1")("failed", why="two\nlines " + "x" * 1000, count=3, missing=None)
    (line,) = capsys.readouterr().err.splitlines()
    assert "event=failed job=j-1" in line
    assert "count=3" in line
    assert len(line) < 700
