"""Toy models, built once, loaded once."""

import os

import pytest

pytest.importorskip("torch", reason="needs the worker environment")
os.environ["TQDM_DISABLE"] = "1"

from galley.engines.stock_image import StockImageEngine
from galley.engines.stock_text import StockTextEngine
from galley.engines.toys import build_image, build_text
from galley.model_files import inspect
from tests.jobs import planned, request


class Bench:
    """An engine on a toy, set up."""

    def __init__(self, engine, files, kind):
        self.engine, self.files, self.kind = engine, files, kind
        self.numerics = engine.setup()

    def ask(self, prompt="a red bicycle", **fields):
        return planned(request(self.kind, prompt, self.files.digest, **fields))

    def make(self, *requests):
        return list(self.engine.generate(requests))


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    files = inspect(build_text(tmp_path_factory.mktemp("toy") / "text"))
    return Bench(StockTextEngine(files, "float32", 1), files, "text")


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    files = inspect(build_image(tmp_path_factory.mktemp("toy") / "image"))
    return Bench(StockImageEngine(files, "float32", 1), files, "image")
