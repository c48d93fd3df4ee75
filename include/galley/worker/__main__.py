"""``python -m galley.worker COMMAND --job URI``."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from pydantic import ValidationError

from galley.errors import GalleyError, JobSpecError, ObjectNotFound, StoreError
from galley.exit_codes import AGAIN, BUG, OK, SPEC, code_of
from galley.items import Job
from galley.settings import Settings
from galley.storage import Zones
from galley.worker.attempt import Attempt
from galley.worker.log import Progress, Say, stderr_say
from galley.worker.stop import Stop, Terminated


def _generate(attempt: Attempt) -> None:
    from galley.worker.generate import generate

    generate(attempt)


def _numerics(attempt: Attempt) -> None:
    from galley.worker.numerics import numerics

    numerics(attempt)


def _screen_prompts(attempt: Attempt) -> None:
    from galley.compliance.screen import screen_prompts

    screen_prompts(attempt.job, attempt.store, token=attempt.token, heartbeat=_heartbeat(attempt))


def _screen(attempt: Attempt) -> None:
    from galley.compliance.screen import screen

    screen(attempt.job, attempt.store, token=attempt.token, heartbeat=_heartbeat(attempt))


def _publish(attempt: Attempt) -> None:
    from galley.publishing.publish import publish_run

    publish_run(attempt.job, attempt.zones, heartbeat=_heartbeat(attempt))


COMMANDS: dict[str, Callable[[Attempt], None]] = {
    "numerics": _numerics,
    "screen_prompts": _screen_prompts,
    "generate": _generate,
    "screen": _screen,
    "publish": _publish,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser("python -m galley.worker", description="Run one job of Galley.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        commands.add_parser(name, help=f"run a {name} job").add_argument(
            "--job", required=True, metavar="URI", help="the job specification, job.json in the store"
        )
    commands.add_parser("doctor", help="check this environment: libraries, models, store")
    pull = commands.add_parser("pull", help="fetch a hub model of the registry into the cache (needs the network)")
    pull.add_argument("name", help="name in models.yaml, or org/name@<40-digit commit>")
    pull.add_argument("--kind", choices=("image", "text"), help="what it makes, for a model outside models.yaml")
    try:
        options = parser.parse_args(argv)
    except SystemExit as error:  # argparse ends with 2, which would look like a bug
        return OK if error.code == 0 else SPEC
    quiet_libraries()
    if options.command == "doctor":
        from galley.worker.doctor import doctor

        return doctor(Settings())
    if options.command == "pull":
        from galley.worker.pull import pull as fetch

        return _guarded(lambda: fetch(Settings(), options.name, options.kind), stderr_say())
    stop = Stop()
    stop.listen()
    return run(options.command, options.job, stop=stop)


def run(command: str, job_uri: str, *, stop: Stop | None = None, zones: Zones | None = None) -> int:
    """Run the job of a URI with the installation's settings; the exit code."""
    say: Say = stderr_say()

    def work() -> None:
        nonlocal say
        settings = Settings()
        stores = zones or Zones.from_settings(settings)
        job = load_job(stores, job_uri)
        say = stderr_say(job.job)
        if job.command != command:
            raise JobSpecError(f'job "{job.job}" is a {job.command} job, not {command}: {job_uri}')
        pin_threads(job.threads)
        check = stop.check if stop is not None else lambda: None
        COMMANDS[command](Attempt(job, stores, settings, say, check))

    return _guarded(work, lambda event, **fields: say(event, **fields))


def load_job(zones: Zones, uri: str) -> Job:
    """The specification at a URI; raises `JobSpecError` where there is none, `StoreUnavailable` where nobody knows."""
    try:
        store, key = zones.resolve(uri)
        return Job.model_validate_json(store.get(key))
    except ObjectNotFound as error:
        raise JobSpecError(f"there is no job specification at {uri}") from error
    except ValidationError as error:
        raise JobSpecError(f"{uri} is not a job specification: {error}") from error


def quiet_libraries() -> None:
    """Keep the libraries off the network and their progress bars out of the log; before any of them is imported."""
    os.environ.update(
        TQDM_DISABLE="1",
        TRANSFORMERS_VERBOSITY="error",
        DIFFUSERS_VERBOSITY="error",
        TOKENIZERS_PARALLELISM="false",
        HF_HUB_DISABLE_TELEMETRY="1",
        DISABLE_TELEMETRY="1",
        PYTHONUNBUFFERED="1",
    )


def pin_threads(threads: int) -> None:
    """Fix the thread pools, which read these when they are first imported, and cut the hub off."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ.update(MKL_DYNAMIC="FALSE", OMP_DYNAMIC="FALSE", HF_HUB_OFFLINE="1")


def _heartbeat(attempt: Attempt) -> Callable[[int, int], None]:
    progress: list[Progress] = []

    def beat(done: int, total: int) -> None:
        if not progress:
            progress.append(Progress(attempt.say, total))
        progress[0](done)
        attempt.check()

    return beat


def _guarded(work: Callable[[], object], say: Say) -> int:
    try:
        work()
    except Terminated as error:
        say("terminated", why=error)
        return AGAIN
    except Exception as error:
        code = code_of(error)
        if code == BUG:
            traceback.print_exc()
        known = isinstance(error, GalleyError | StoreError)
        say("ended", code=code, error=type(error).__name__ if known else repr(error), why=str(error))
        return code
    return OK


if __name__ == "__main__":
    sys.exit(main())
