"""Real workers on toy models: forked from a process that has the libraries imported, or started as jobs are."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from galley.ledger import read_results
from galley.settings import Settings
from galley.storage import Zones
from tests.jobs import put_job, request, source

ROOT = Path(__file__).parents[2]


class Nursery:
    """Talks to `tests.worker.nursery`."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.worker.nursery"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    def ask(self, **command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture(scope="session")
def nursery():
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs the worker environment")
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def toys(nursery, tmp_path_factory):
    """Directories of a text and an image toy."""
    folder = tmp_path_factory.mktemp("toys")
    return {kind: Path(nursery.ask(toy=kind, at=str(folder / kind))["at"]) for kind in ("text", "image")}


class Worker:
    """A forked worker."""

    def __init__(self, nursery, uri, home):
        self.nursery, self.log_file, self.code = nursery, Path(home) / "worker.log", None
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.write_text("")
        self.pid = nursery.ask(job=uri, home=str(home), log=str(self.log_file))["pid"]

    def poll(self):
        if self.code is None:
            self.code = self.nursery.ask(poll=self.pid)["code"]
        return self.code

    def wait(self):
        if self.code is None:
            self.code = self.nursery.ask(wait=self.pid)["code"]
        return self.code

    def kill(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    @property
    def log(self):
        return self.log_file.read_text()


@dataclass
class Workplace:
    """An installation in a temporary directory."""

    settings: Settings
    zones: Zones
    nursery: Nursery

    def start(self, uri):
        """A worker, running."""
        return Worker(self.nursery, uri, self.settings.home)

    def run(self, uri):
        """Exit code and log of a worker."""
        worker = self.start(uri)
        return worker.wait(), worker.log

    def folder(self, job):
        """Where the store keeps what the job writes."""
        return self.settings.home / "store" / "work" / "runs" / job.run / "jobs" / job.job

    def parts(self, job):
        """Number of result parts."""
        return sum(1 for _ in self.folder(job).glob("results/*/part-*.jsonl"))

    def wait_for_parts(self, worker, job, count):
        """Until there are that many parts, or the worker has ended."""
        while worker.poll() is None and self.parts(job) < count:
            threading.Event().wait(0.002)

    def ledger(self, job):
        """What the results say, every artifact verified."""
        store, key = self.zones.resolve(job.prefix)
        return read_results(store, f"{key}/results", check="sha256", within=job.prefix)


@pytest.fixture
def workplace(tmp_path, nursery):
    def make(name="home"):
        settings = Settings(home=tmp_path / name)
        return Workplace(settings, Zones.from_settings(settings), nursery)

    return make


def toy_job(place, kind, directory, count, *, rows=2, engine="stock", **params):
    """A generate job of ``count`` requests on a toy."""
    model = source(Path(directory), name=f"toy-{kind}", engine=engine)
    wanted = [request(kind, f"a thing, number {n}", model.digest, seed=n, **params) for n in range(count)]
    return put_job(place.zones, wanted, model, rows=rows)
