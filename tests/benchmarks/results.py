"""Stores reports as JSON and writes the table of ``RESULTS.md`` from what is stored."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import Report

HERE = Path(__file__).parent
STORED, TABLE = HERE / "results", HERE / "RESULTS.md"


def store(report: Report) -> None:
    """Keep one report, in place of an earlier one of the same bench."""
    STORED.mkdir(exist_ok=True)
    (STORED / f"{report.name}.json").write_text(json.dumps(report.stored(), indent=1) + "\n")
    TABLE.write_text(table())


def table() -> str:
    """All that is stored, as Markdown."""
    reports = [json.loads(path.read_text()) for path in sorted(STORED.glob("*.json"))]
    lines = ["# Benchmarks", "", "Written by `make bench`; see the modules beside this file for what each does.", ""]
    for report in reports:
        lines += [f"## {report['name']}", "", f"{report['workload']}.", "", _machine(report["machine"]), ""]
        if report["peers"]:
            lines += [f"| peer | {report['unit']} / s (median) | least | most | set up as |", "|---|---|---|---|---|"]
            lines += [_peer(each) for each in report["peers"]]
            lines.append("")
        lines += ["| target | wanted | found, by rounds | by medians | |", "|---|---|---|---|---|"]
        lines += [_target(each) for each in report["targets"]]
        lines += ["", *(f"- {name}: {_shown(value)}" for name, value in report["facts"].items()), ""]
    return "\n".join(lines).rstrip() + "\n"


def _machine(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items()) + "."


def _peer(each: dict[str, Any]) -> str:
    rates = each["rates"]
    return f"| {each['name']} | {statistics.median(rates):.2f} | {min(rates):.2f} | {max(rates):.2f} | {each['note']} |"


def _target(each: dict[str, Any]) -> str:
    wanted = f"≥ {each['least']}" if each["least"] is not None else f"≤ {each['most']}"
    met = each["value"] >= each["least"] if each["least"] is not None else each["value"] <= each["most"]
    medians = "" if each.get("medians") is None else f"{each['medians']:.3f}"
    return f"| {each['text']} | {wanted} | {each['value']:.3f} | {medians} | {'met' if met else 'missed'} |"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {_shown(each)}" for name, each in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
