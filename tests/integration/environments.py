"""Clean environments for tests: the packages that the lock files name, in the versions they name, and no Galley."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

_LEFT_OUT = re.compile(r"__editable__|galley-.*\.dist-info$|__pycache__$")


def environment_like(like: Path, into: Path) -> Path:
    """Make an environment with the packages of another, Galley left out.

    They are linked rather than fetched, so that tests need no network; scripts are not.

    Args:
        like: interpreter of the other.
        into: directory to be.

    Returns:
        its interpreter.
    """
    subprocess.run([os.path.realpath(like), "-m", "venv", "--without-pip", str(into)], check=True)
    (packages,) = into.glob("lib/python*/site-packages")
    (others,) = like.parents[1].glob("lib/python*/site-packages")

    def left_out(_folder: str, names: list[str]) -> list[str]:
        return [name for name in names if _LEFT_OUT.search(name)]

    shutil.copytree(others, packages, ignore=left_out, copy_function=_link, symlinks=True, dirs_exist_ok=True)
    return into / "bin" / "python"


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
