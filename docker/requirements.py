"""Prints what extras of pyproject.toml ask for, one requirement a line: ``requirements.py EXTRA… [-LEFT_OUT…]``.

Images install these with the lock files as constraints, so that no tool for development gets in. Standard library only.
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text())["project"]
extras = [name for name in sys.argv[1:] if name[0] != "-"]
wanted = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
for requirement in wanted:
    if "-" + re.match(r"[A-Za-z0-9._-]+", requirement)[0] not in sys.argv:
        print(requirement)
