"""Add up JUnit files, one per environment, to the line that a test run ends with."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def main(files: list[str]) -> int:
    """Print ``N passed, N failed, N skipped``; 1 where something failed or a file holds no tests."""
    passed = failed = skipped = 0
    for file in files:
        tests = failures = missed = 0
        for suite in ElementTree.parse(Path(file)).getroot().iter("testsuite"):
            tests += int(suite.get("tests", 0))
            failures += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            missed += int(suite.get("skipped", 0))
        passed, failed, skipped = passed + tests - failures - missed, failed + failures, skipped + missed
        if tests == 0:
            print(f"{file}: no test ran")
            failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
