from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.compliance.policy import PolicySet, Threshold, compile_policies, json_schemas, load_policy, policy_names
from galley.errors import InputError
from galley.settings import project_root

SHIPPED = project_root() / "include" / "policies"
GOOD = """\
name: mine
checks:
  words: {type: terms, lists: [bad]}
"""
TERMS = """\
name: bad
decision: block
terms: [rude, {term: awful*, decision: hold, loose: false}]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "terms").mkdir()
    (tmp_path / "mine.yaml").write_text(GOOD)
    (tmp_path / "terms" / "bad.yaml").write_text(TERMS)
    return tmp_path


def test_the_shipped_policies_load_and_check_all_kinds_of_subject() -> None:
    assert "default" in policy_names(SHIPPED)
    for compiled in compile_policies(policy_names(SHIPPED), SHIPPED).policies.values():
        for media in ("prompt", "text", "image"):
            assert any(check.required for check in compiled.policy.checks_for(media).values())


def test_a_policy_set_survives_the_store() -> None:
    policies = compile_policies(["default"], SHIPPED)
    again = PolicySet.from_bytes(policies.to_bytes())
    assert again == policies and again.digests() == policies.digests()
    assert policies.models() == ("starter-image", "starter-toxicity")


def test_the_schemas_name_what_editors_may_complete() -> None:
    schemas = json_schemas()
    assert schemas["policy"]["additionalProperties"] is False
    (checks,) = schemas["policy"]["properties"]["checks"]["patternProperties"].values()
    kinds = {"toxicity", "image_safety", "terms", "patterns", "hidden_characters"}
    assert set(checks["discriminator"]["mapping"]) == kinds
    assert {"type": "string"} in schemas["terms"]["properties"]["terms"]["items"]["anyOf"]


def test_the_digest_changes_with_what_decides_and_with_nothing_else(directory: Path) -> None:
    before = load_policy("mine", directory).digest
    (directory / "mine.yaml").write_text("# a comment\ndescription: for all\n" + GOOD)
    assert load_policy("mine", directory).digest == before
    (directory / "terms" / "bad.yaml").write_text(TERMS.replace("rude", "rude, crude"))
    assert load_policy("mine", directory).digest != before


@pytest.mark.parametrize(
    ("old", "new", "field", "rule"),
    [
        ("lists: [bad]", "lists: [good]", "", "there is no such file"),
        ("lists: [bad]", "lists: []", "checks.words.lists", "at least 1"),
        ("lists: [bad]", "lists: [bad], lsts: [bad]", "checks.words.lsts", "not a field"),
        ("lists: [bad]", "lists: [bad], required: 3", "checks.words.required", "boolean"),
        ("type: terms", "type: words", "checks.words", "type"),
        ("name: mine", "name: yours", "name", '"mine"'),
        ("name: mine", "name: Mine!", "name", "lower-case letters"),
        ("checks:", "checks: {}\nother:", "other", "not a field"),
        ("{type: terms, lists: [bad]}", "&a {type: terms, lists: [bad]}\n  again: *a", "", "aliases"),
        (
            "{type: terms, lists: [bad]}",
            "{type: toxicity, model: m, default: {hold: 0.9, block: 0.5}}",
            "checks.words.default",
            "above",
        ),
        (
            "{type: terms, lists: [bad]}",
            "{type: toxicity, model: m, default: {hold: 1.5}}",
            "checks.words.default.hold",
            "less than or equal to 1",
        ),
        (
            "{type: terms, lists: [bad]}",
            "{type: toxicity, model: m, default: {}, window: {tokens: 8}}",
            "checks.words.window.tokens",
            "greater than or equal to 16",
        ),
        (
            "{type: terms, lists: [bad]}",
            "{type: toxicity, model: m, default: {}, window: {tokens: 64, overlap: 33}}",
            "checks.words.window",
            "more than half of the 64 tokens",
        ),
        (
            "{type: terms, lists: [bad]}",
            "{type: patterns, classes: {mail: hold}}",
            "checks.words.classes.mail",
            "email",
        ),
        (
            "{type: terms, lists: [bad]}",
            "{type: patterns, classes: {email: warn}}",
            "checks.words.classes.email",
            "hold",
        ),
    ],
)
def test_a_wrong_policy_is_refused_with_file_field_and_rule(
    directory: Path, old: str, new: str, field: str, rule: str
) -> None:
    (directory / "mine.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_policy("mine", directory)
    assert caught.value.field.startswith(field) and rule in caught.value.rule


@pytest.mark.parametrize("term", ['"***"', '""', '"a*b"', '"?!"', "{term: rude, decison: hold}"])
def test_a_term_that_would_match_anything_or_nothing_is_refused(directory: Path, term: str) -> None:
    (directory / "terms" / "bad.yaml").write_text(TERMS.replace("rude", term))
    with pytest.raises(InputError) as caught:
        load_policy("mine", directory)
    assert caught.value.source.endswith("bad.yaml") and caught.value.field.startswith("terms[0]")


@pytest.mark.parametrize("name", ["../etc/passwd", "", "A", "a b", "x" * 80, "absent"])
def test_a_name_that_is_no_policy_is_refused(directory: Path, name: str) -> None:
    with pytest.raises(InputError):
        load_policy(name, directory)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_score_is_never_decided_more_mildly(hold: float, block: float, one: float, other: float) -> None:
    bounds = Threshold(hold=min(hold, block), block=max(hold, block))
    order = ("allow", "hold", "block")
    assert order.index(bounds.decide(min(one, other))) <= order.index(bounds.decide(max(one, other)))
