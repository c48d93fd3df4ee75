"""``python -m galley.airflow.standing``: all of Airflow under one supervisor, from its database's migration to SIGTERM.

`galley up` starts this in a session of its own with the environment of `galley.airflow.environment`. It takes the
installation's lock, starts scheduler, DAG processor, API server and triggerer, starts each again that ends, ever later
where one keeps ending, and says on stdout what it does, a line each: its log, which `galley up` follows.

``airflow standalone`` would not do: it starts nothing again, leaves its children behind when it is ended, lets two log
servers listen on all interfaces, and forks 32 executor processes.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from galley.airflow.database import prepare_database
from galley.airflow.engine import Component, Engine, api_server, scheduler
from galley.airflow.environment import airflow_home
from galley.airflow.lock import LOCK, acquire
from galley.errors import GalleyError
from galley.settings import Settings

GRACE_SECONDS = 20.0
"""From SIGTERM to SIGKILL, when it is told to end."""
MAX_PARALLELISM = 8
FIRST_DELAY, MAX_DELAY, SOUND_SECONDS = 1.0, 60.0, 60.0


@dataclass
class Restarts:
    """When to start a component again: after 1 s, then twice as long each time up to 60 s; anew once it lived 60 s.

    Attributes:
        started: when it was started last, seconds.
        delay: before the next start.
        due: when that is, or None while it lives.
    """

    started: float
    delay: float = FIRST_DELAY
    due: float | None = None

    def ended(self, now: float) -> float:
        """Note an end; returns the seconds until the next start."""
        wait = FIRST_DELAY if now - self.started >= SOUND_SECONDS else self.delay
        self.delay, self.due = min(2 * wait, MAX_DELAY), now + wait
        return wait

    def again(self, now: float) -> None:
        """Note a start."""
        self.started, self.due = now, None


def components(settings: Settings, port: int) -> tuple[Component, ...]:
    """What a standing Airflow consists of."""
    processor = {
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    }
    parallelism = str(min(MAX_PARALLELISM, settings.worker_slots + 3))
    return (
        api_server(port),
        Component("dag-processor", ("dag-processor",), processor),
        scheduler(AIRFLOW__CORE__PARALLELISM=parallelism),
        Component("triggerer", ("triggerer", "--skip-serve-logs")),
    )


class Supervisor:
    """Keeps components running; `look` is called again and again."""

    def __init__(self, engine: Engine, parts: tuple[Component, ...], say: Callable[[str], object]) -> None:
        self.engine, self.parts, self.say = engine, parts, say
        self.restarts: dict[str, Restarts] = {}

    def start(self, now: float) -> None:
        """Start all."""
        for part in self.parts:
            self._start(part)
            self.restarts[part.name] = Restarts(now)

    def look(self, now: float) -> None:
        """Note what has ended and start what is due."""
        for part in self.parts:
            restarts, process = self.restarts[part.name], self.engine.processes[part.name]
            if restarts.due is not None:
                if now >= restarts.due:
                    self._start(part)
                    restarts.again(now)
            elif process.poll() is not None:
                self.engine.sweep()
                wait = restarts.ended(now)
                self.say(
                    f"{part.name} ended with status {process.returncode}; starting it again in {wait:.0f} s; "
                    f"its log is {self.engine.log(part.name)}"
                )

    def _start(self, part: Component) -> None:
        self.say(f"{part.name} started (process {self.engine.start(part)})")


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns after SIGTERM or SIGINT, 1 where it could not start."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--port", type=int, required=True, help="of the API server on 127.0.0.1")
    port = parser.parse_args(arguments).port
    settings = Settings()
    home = airflow_home(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        lock = acquire(settings.home / LOCK, say, port=port)
        prepare_database(home, settings, say)
        with Engine(lock, home / "logs", GRACE_SECONDS) as engine:
            supervisor = Supervisor(engine, components(settings, port), say)
            try:
                supervisor.start(time.monotonic())
                while True:
                    time.sleep(0.3)
                    supervisor.look(time.monotonic())
            except SystemExit:
                say("ending")
                raise
    except GalleyError as error:
        say(f"error: {error}")
        return 1
    except SystemExit:
        say("ended")
        return 0


def say(line: str) -> None:
    """One line of the supervisor's log."""
    print(datetime.now(UTC).isoformat(timespec="seconds"), line, flush=True)


def _interrupt(_number: int, _frame: object) -> None:
    # A second signal must not cut the clean-up short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
