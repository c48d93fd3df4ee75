"""Prints what an extra of pyproject.toml asks for, one requirement a line: ``requirements.py EXTRA [LEFT_OUT…]``.

Images install these with the lock file as constraints, so that no tool for development gets in. Standard library only.
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text())["project"]
extra, *left_out = sys.argv[1:]
for requirement in [*project["dependencies"], *project["optional-dependencies"][extra]]:
    if re.match(r"[A-Za-z0-9._-]+", requirement)[0] not in left_out:
        print(requirement)
