import re
import sys

from typer.testing import CliRunner

from galley.models_cli import app


def run(*arguments, **environment):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)


def test_a_missing_worker_environment_is_named_with_the_remedy(tmp_path):
    result = run(
        "convert-detoxify", tmp_path / "a.ckpt", tmp_path / "out", "--sha256", "0" * 64,
        GALLEY_WORKER_PYTHON=str(tmp_path / "python"),
    )  # fmt: skip
    assert result.exit_code == 1
    assert "make setup" in result.output


def test_the_sha256_is_not_optional(tmp_path):
    result = run("convert-detoxify", tmp_path / "a.ckpt", tmp_path / "out")
    assert result.exit_code == 2
    assert "--sha256" in re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def test_the_conversion_runs_in_the_worker_interpreter_and_its_error_is_passed_on(tmp_path, capfd):
    # This interpreter stands in for the worker's: the checkpoint is missing, which is found before any ML library
    # loads.
    result = run(
        "convert-detoxify", tmp_path / "a b.ckpt", tmp_path / "out", "--sha256", "0" * 64, "--config", tmp_path,
        GALLEY_WORKER_PYTHON=sys.executable,
    )  # fmt: skip
    assert result.exit_code == 1
    assert 'a b.ckpt": no such checkpoint' in capfd.readouterr().err
