import pytest
import torch

from galley.engines.base import Made, RequestError
from galley.engines.memory import is_out_of_memory
from galley.engines.splitting import outcomes
from galley.errors import JobInterrupted
from galley.items import Failure
from tests.jobs import planned, request

BATCH = [planned(request("text", f"prompt {n}", "0" * 64)) for n in range(8)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    # Collecting garbage over a loaded torch takes longer than all else here.
    monkeypatch.setattr("galley.engines.splitting.free_memory", lambda: None)


class Forward:
    """Makes a batch unless it holds one of the bad prompts or is too large."""

    def __init__(self, bad=(), error=None, room=99):
        self.bad, self.error, self.room, self.sizes = set(bad), error or RuntimeError("bug"), room, []

    def __call__(self, requests):
        self.sizes.append(len(requests))
        if len(requests) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if self.bad & {each.request.prompt for each in requests}:
            raise self.error
        return [Made(each.request.prompt.encode(), 1) for each in requests]


def test_a_good_batch_is_made_at_once():
    forward = Forward()
    made = list(outcomes(BATCH, forward))
    assert forward.sizes == [8]
    assert [outcome.made.data.decode() for outcome in made] == [each.request.prompt for each in BATCH]
    assert {outcome.batch_size for outcome in made} == {8}


@pytest.mark.parametrize("bad", [{"prompt 0"}, {"prompt 5"}, {"prompt 1", "prompt 7"}])
def test_bad_requests_fail_alone_and_in_order(bad):
    made = list(outcomes(BATCH, Forward(bad)))
    assert [outcome.key for outcome in made] == [each.key for each in BATCH]
    assert {each.request.prompt for each, outcome in zip(BATCH, made, strict=True) if outcome.failure} == bad
    (kind,) = {outcome.failure.kind for outcome in made if outcome.failure}
    assert kind == "engine_error"


def test_the_same_bad_request_splits_a_batch_the_same_way():
    first, second = Forward({"prompt 5"}), Forward({"prompt 5"})
    list(outcomes(BATCH, first))
    list(outcomes(BATCH, second))
    assert first.sizes == second.sizes == [8, 4, 4, 2, 1, 1, 2]


def test_a_requests_own_error_keeps_its_kind():
    made = list(outcomes(BATCH[:1], Forward({"prompt 0"}, RequestError("unknown_scheduler", "no such"))))
    assert made[0].failure == Failure(kind="unknown_scheduler", message="no such")


@pytest.mark.parametrize(("room", "sizes"), [(4, [8, 4, 4]), (1, [8, 4, 2, 1, 1, 2, 1, 1, 4, 2, 1, 1, 2, 1, 1])])
def test_a_batch_that_does_not_fit_is_halved_until_it_does(room, sizes):
    forward = Forward(room=room)
    assert all(outcome.made for outcome in outcomes(BATCH, forward))
    assert forward.sizes == sizes


def test_no_room_for_one_request_interrupts_the_job():
    with pytest.raises(JobInterrupted, match="alone does not fit"):
        list(outcomes(BATCH, Forward(room=0)))


def test_a_result_that_is_itself_a_failure_is_passed_on():
    made = list(outcomes(BATCH[:2], lambda requests: [Failure(kind="not_finite", message="nan"), Made(b"x", 1)]))
    assert made[0].failure.kind == "not_finite"
    assert made[1].made.data == b"x"


def test_what_ends_the_process_is_not_taken_for_a_bad_request():
    with pytest.raises(KeyboardInterrupt):
        list(outcomes(BATCH, Forward({"prompt 0"}, KeyboardInterrupt())))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("shape mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_running_out_of_memory_is_known_by_type_or_by_message(error, expected):
    assert is_out_of_memory(error) is expected
