"""Briefs: the schema and its errors, when they are due, the files they come from, and those that are shipped."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # Airflow depends on it
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from galley.brief_files import brief_of, load_brief, load_briefs, parse_brief
from galley.briefs import Brief, Variant, brief_schema, due, params_of
from galley.errors import InputError
from galley.expansion import expand
from galley.items import ImageParams, Item, Kind, ResolvedModel, TextParams
from galley.models import Models
from galley.settings import Settings, project_root
from tests.intake import resolve

SHIPPED = project_root() / "include" / "briefs"
BASE = "name: spring\nkind: image\nprompt: a {{ c }} thing\nvariables: {c: [red, blue]}\n"


def brief(**fields: object) -> Brief:
    return Brief.model_validate({"name": "b", "kind": "image", "prompt": "a star"} | fields)


def test_a_brief_needs_only_a_name_a_kind_and_a_prompt() -> None:
    loaded = parse_brief("name: spring\nkind: text\nprompt: Say hello.\n", "spring.yaml")
    assert [arm.name for arm in loaded.brief.arms] == ["default"]
    assert loaded.brief.experiment_name == "spring"
    assert loaded.brief.policy == "default"
    assert [dict(row.values) for row in loaded.rows] == [{}]
    assert due(loaded.brief, date(2026, 11, 23))


def test_lists_are_combined_and_know_their_line() -> None:
    text = BASE.replace("{c: [red, blue]}", "{c: [red, blue], n: [1, 2.5, true]}")
    rows = parse_brief(text, "x").rows
    assert [tuple(row.values.values()) for row in rows] == [(c, n) for c in ("red", "blue") for n in (1, 2.5, True)]
    assert {row.line for row in rows} == {4}


def test_rows_are_taken_as_they_stand() -> None:
    loaded = parse_brief(BASE.replace("{c: [red, blue]}", "\n- {c: red}\n- {c: no}\n"), "x")
    assert [(row.values["c"], row.line) for row in loaded.rows] == [("red", 5), ("no", 6)]


@pytest.mark.parametrize(
    ("text", "line", "field", "value", "rule"),
    [
        ("", None, "", "", "needs at least name, kind and prompt"),
        ("- 1", 1, "", "", "not a mapping"),
        ("kind: image\nprompt: x", 1, "name", "", "is required"),
        (BASE.replace("spring", "Spring!"), 1, "name", "Spring!", "lower-case letters"),
        (BASE.replace("image", "video"), 2, "kind", "video", "should be 'image' or 'text'"),
        (BASE + "promt: x", 5, "promt", "x", 'not a field here; did you mean "prompt"?'),
        (BASE + "prompt: x", 5, "prompt", "", "given twice, first in line 3"),
        (BASE + "count: 0", 5, "count", "0", "greater than or equal to 1"),
        (BASE + "count: '3'", 5, "count", "3", "whole number"),
        (BASE + "count: true", 5, "count", "true", "whole number"),
        (BASE + "seed: -1", 5, "seed", "-1", "greater than or equal to 0"),
        (BASE + f"seed: {2**63}", 5, "seed", str(2**63), "less than"),
        (BASE + "seed_policy: never", 5, "seed_policy", "never", "'per_run' or 'fixed'"),
        (BASE + "cadence: hourly", 5, "cadence", "hourly", "'daily', 'weekdays' or 'manual'"),
        (BASE + "cadence: [mon, foo]", 5, "cadence[1]", "foo", "'monday'"),
        (BASE + "cadence: []", 5, "cadence", "[]", "at least 1"),
        (BASE + "runtime: ssh", 5, "runtime", "ssh", "'process'"),
        (BASE + "paired: true", 5, "paired", "true", "at least two variants"),
        (BASE + "variants:\n- name: a\n  weight: -0.2\n", 7, "variants[0].weight", "-0.2", "greater than 0"),
        (BASE + "variants:\n- name: a\n  weight: 50\n", 7, "variants[0].weight", "50", "less than or equal to 1"),
        (BASE + "variants: [{name: a, weight: 0.5},\n {name: b}]", 6, "variants[1].weight", "", "all a weight or none"),
        (BASE + "variants: [{name: a},\n {name: a}]", 6, "variants[1].name", "a", "names must differ"),
        (BASE + "variants: [{name: a, steps: 3}]", 5, "variants[0].steps", "3", "not a field here"),
        (BASE + "params:\n  width: 13", 6, "params.width", "13", "multiple of 8"),
        (BASE + "params:\n  num_inference_step: 1", 6, "params.num_inference_step", "1", 'mean "num_inference_steps"'),
        (BASE + "params:\n  max_new_tokens: 1", 6, "params.max_new_tokens", "1", "not a field here"),
        (BASE + "params:\n  guidance_scale: '7'", 6, "params.guidance_scale", "7", "a number"),
        (BASE + "variants:\n- name: a\n  params:\n    width: 1", 8, "variants[0].params.width", "1", "multiple of 8"),
        (BASE.replace("image", "text") + "negative_prompt: x", 5, "negative_prompt", "x", "is for kind image"),
        (BASE + "engine: slots", 5, "engine", "slots", "no engine for kind image; there are stock, steps, steps-fast"),
        (BASE + "variants: [{name: a, engine: quick}]", 5, "variants[0].engine", "quick", "no engine for kind image"),
        (BASE + "negative_prompt: x\nparams: {negative_prompt: y}", 6, "params.negative_prompt", "y", "given twice"),
        (BASE.replace("{{ c }}", "{{ d }}"), 3, "prompt", "d", "nothing gives; there are c, content_date"),
        (BASE.replace("{{ c }}", "{{ c.d }}"), 3, "prompt", "a {{ c.d }} thing", 'uses "Getattr"'),
        (BASE + "variants: [{name: a, prompt: '{{ d }}'}]", 5, "variants[0].prompt", "d", "prompt"),
        (BASE.replace("[red", "[null"), 4, "variables.c[0]", "null", "a text, a number or true/false"),
        (BASE.replace("[red", "[[red]"), 4, "variables.c[0]", '["red"]', "a text, a number or true/false"),
        (BASE.replace("{c: [red, blue]}", "{c: red}"), 4, "variables.c", "red", "array"),
        (BASE.replace("{c: [red, blue]}", "{c: []}"), 4, "variables.c", "[]", "at least 1"),
        (BASE.replace("{c:", "{'c c': [1], c:"), 4, "variables.c c", "c c", "letters, digits and _"),
        (BASE.replace("{c:", "{prompt: [1], c:"), 4, "variables", "prompt", "built-in"),
        (
            BASE.replace("{c: [red, blue]}", "[{c: 1},\n {d: 2}]"),
            5,
            "variables[1]",
            '{"d": 2}',
            "names of the first row",
        ),
        (BASE.replace("{c: [red, blue]}", "x.csv"), 4, "variables", "x.csv", "only a brief in a file"),
    ],
)
def test_an_error_names_line_field_value_and_rule(text: str, line: int, field: str, value: str, rule: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_brief(text, "spring.yaml")
    error = caught.value
    assert (error.source, error.line, error.field, error.value) == ("spring.yaml", line, field, value)
    assert rule in error.rule


def test_a_product_that_would_be_too_large_is_refused_before_it_is_made() -> None:
    lists = ", ".join(f"v{i}: [1,2,3,4,5,6,7,8,9,10]" for i in range(9))
    with pytest.raises(InputError, match="1000000000"):
        parse_brief(f"name: a\nkind: text\nprompt: x\nvariables: {{{lists}}}\n", "x")


def test_a_brief_from_a_form_is_checked_like_a_file() -> None:
    loaded = brief_of({"name": "form", "kind": "text", "prompt": "Hello", "count": 3}, "form")
    assert json.loads(loaded.files["form"]) == {"name": "form", "kind": "text", "prompt": "Hello", "count": 3}
    with pytest.raises(InputError, match=r'"form", count: .* should be less than'):
        brief_of({"name": "form", "kind": "text", "prompt": "Hello", "count": 10**9}, "form")


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_when_briefs_are_due(day: date) -> None:
    week = [day + timedelta(days=i) for i in range(7)]
    assert all(due(brief(cadence="daily"), d) for d in week)
    assert not any(due(brief(cadence="manual"), d) for d in week)
    assert [d.weekday() for d in week if due(brief(cadence="weekdays"), d)] == [
        d.weekday() for d in week if d.weekday() < 5
    ]
    assert {d.weekday() for d in week if due(brief(cadence=("Mon", "sunday")), d)} == {0, 6}


def test_later_layers_of_parameters_win_and_types_are_strict() -> None:
    assert params_of("image", {"width": 64, "height": 64}, {"width": 128}) == ImageParams(width=128, height=64)
    assert params_of("text", {"stop": ["\n"], "temperature": 1}) == TextParams(stop=("\n",), temperature=1.0)
    for bad in ({"width": "64"}, {"width": 64.0}, {"width": True}, {"guidance_scale": "1"}, {"guidance_scale": None}):
        with pytest.raises(InputError):
            params_of("image", bad)
    with pytest.raises(InputError, match="more than max_new_tokens"):
        params_of("text", {"min_new_tokens": 9, "max_new_tokens": 8})


def write(directory: Path, name: str, text: str | bytes) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


CSV = "name: a\nkind: text\nprompt: '{{ product }} for {{ who }}'\nvariables: rows.csv\n"


def test_a_csv_file_beside_the_brief_gives_the_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", CSV)
    write(tmp_path, "rows.csv", b'\xef\xbb\xbfproduct,who\r\n"Lamp, oak",nurses\r\n\r\n"two\r\nlines",you\r\n')
    loaded = load_brief(path, source="a.yaml")
    assert [(dict(row.values), row.source, row.line) for row in loaded.rows] == [
        ({"product": "Lamp, oak", "who": "nurses"}, "rows.csv", 2),
        ({"product": "two\r\nlines", "who": "you"}, "rows.csv", 4),
    ]
    assert loaded.files == {"a.yaml": path.read_bytes(), "rows.csv": (tmp_path / "rows.csv").read_bytes()}


def test_a_bad_row_of_a_csv_file_is_rejected_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", CSV)
    write(tmp_path, "rows.csv", "product,who\nLamp,nurses\nMug\nPan,cooks,more\nHat,you\n")
    made = list(expand(load_brief(path), run="r", content_date=date(2026, 1, 1), resolve_model=resolve))
    assert [item.request.prompt for item in made if isinstance(item, Item)] == ["Lamp for nurses", "Hat for you"]
    rejects = [(found.source, found.line, found.value) for found in made if not isinstance(found, Item)]
    assert rejects == [("rows.csv", 3, "1"), ("rows.csv", 4, "3")]


@pytest.mark.parametrize(
    ("table", "source", "line", "rule"),
    [
        (None, "a.yaml", 4, "cannot be read: No such file"),
        ("", "rows.csv", None, "has no rows"),
        ("product,who\n", "rows.csv", None, "has no rows"),
        ("product,who who\nx,y\n", "rows.csv", 1, "is not a variable name"),
        ("who,who\nx,y\n", "rows.csv", 1, "two columns"),
        ("product,whom\nx,y\n", "a.yaml", 3, "nothing gives"),
        ("product,who\nx,y\nx,\xff\n".encode("latin-1"), "rows.csv", 3, "not UTF-8"),
        ('product,who\nx,y\nx,"y', "rows.csv", 3, "not CSV"),
    ],
)
def test_a_table_that_is_wrong_stops_its_brief(
    tmp_path: Path, table: str | bytes | None, source: str, line: int | None, rule: str
) -> None:
    path = write(tmp_path, "a.yaml", CSV)
    if table is not None:
        write(tmp_path, "rows.csv", table)
    with pytest.raises(InputError) as caught:
        load_brief(path, source="a.yaml")
    assert (caught.value.source, caught.value.line) == (source, line)
    assert rule in caught.value.rule


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/hosts", "link.csv", "sub/../../secret.csv"])
def test_a_table_outside_the_directory_of_the_brief_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, "secret.csv", "product,who\nx,y\n")
    path = write(tmp_path, "briefs/a.yaml", CSV.replace("rows.csv", name))
    (tmp_path / "briefs" / "sub").mkdir()
    (tmp_path / "briefs" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(InputError, match="leads out of"):
        load_brief(path)


def test_a_wrong_brief_stops_that_brief_only(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", BASE)
    write(tmp_path, "b.yml", BASE.replace("spring", "summer"))
    write(tmp_path, "c.yaml", BASE.replace("image", "video"))
    write(tmp_path, "d.yaml", BASE)
    write(tmp_path, "brief.schema.json", "{}")
    loaded, rejects = load_briefs(tmp_path)
    assert [found.brief.name for found in loaded] == ["spring", "summer"]
    assert [(found.source, found.line, found.field) for found in rejects] == [
        ("c.yaml", 2, "kind"),
        ("d.yaml", 1, "name"),
    ]


def test_a_missing_brief_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_brief(tmp_path / "none.yaml")


@given(
    st.binary(max_size=300)
    | st.text(max_size=300)
    | st.text(st.sampled_from("name:kindprotex -{}[]'\n12"), max_size=80)
)
def test_nothing_but_an_input_error_comes_out_of_any_bytes(text: bytes | str) -> None:
    try:
        parse_brief(text, "x")
    except InputError as error:
        assert error.source == "x"


# Shipped briefs


def shipped(content_date: date) -> list[Item]:
    models = Models.from_settings(Settings())

    def known(name: str, kind: Kind) -> ResolvedModel:
        found = models.locate(name, kind)
        assert found.entry.kind == kind
        return ResolvedModel(name=found.name, kind=kind, digest="0" * 64, defaults=found.entry.params)

    items = []
    for loaded in load_briefs(SHIPPED)[0]:
        if due(loaded.brief, content_date):
            for made in expand(loaded, run="r", content_date=content_date, resolve_model=known):
                assert isinstance(made, Item), made
                items.append(made)
    return items


def test_shipped_briefs_are_right_and_make_sixty_items_on_every_day() -> None:
    loaded, rejects = load_briefs(SHIPPED)
    assert rejects == []
    assert len(loaded) >= 5
    for offset in range(7):
        items = shipped(date(2026, 11, 23) + timedelta(days=offset))
        assert len(items) >= 60
        assert {item.request.kind for item in items} == {"image", "text"}
        assert len({item.item_id for item in items}) == len(items)


def test_shipped_briefs_make_new_requests_every_day_and_the_same_ones_again() -> None:
    one = {item.request.key for item in shipped(date(2026, 11, 1))}
    other = {item.request.key for item in shipped(date(2026, 11, 2))}
    assert one.isdisjoint(other)
    assert {item.request.key for item in shipped(date(2026, 11, 1))} == one


def test_shipped_experiments_compare_what_they_say() -> None:
    items = shipped(date(2026, 11, 23))
    steps = {
        (item.variant, item.request.params.num_inference_steps)
        for item in items
        if item.experiment == "denoising-steps" and isinstance(item.request.params, ImageParams)
    }
    assert steps == {("steps-10", 10), ("steps-30", 30)}
    models = {(item.variant, item.request.model) for item in items if item.experiment == "two-models"}
    assert models == {("own-scheduler", "starter-image"), ("dpm", "starter-image-dpm")}


def test_the_schema_for_editors_is_the_one_briefs_are_checked_by() -> None:
    written = json.loads((SHIPPED / "brief.schema.json").read_text(encoding="utf-8"))
    assert written == brief_schema(), "run: galley brief schema > include/briefs/brief.schema.json"
    validator = jsonschema.Draft202012Validator(written)
    for path in sorted(SHIPPED.glob("*.yaml")):
        assert list(validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))) == []
        assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=brief.schema.json\n")
    for wrong in ({"params": {"max_new_tokens": 3}}, {"count": 0}, {"promt": "x"}, {"cadence": ["foo"]}):
        base = {"name": "a", "kind": "image", "prompt": "x"}
        assert list(validator.iter_errors(base | wrong)), wrong


def test_every_field_has_a_description_for_people() -> None:
    schema = brief_schema()
    fields = {**schema["properties"], **schema["$defs"]["Variant"]["properties"]}
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_the_page_about_briefs_has_every_field_and_its_examples_are_right(tmp_path: Path) -> None:
    page = (SHIPPED / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 5
    write(tmp_path, "product-copy.csv", (SHIPPED / "product-copy.csv").read_bytes())
    for example in examples:
        load_brief(write(tmp_path, "example.yaml", example))
    brief_rows, variant_rows = page.split("A variant has:")
    for fields, rows in ((Brief.model_fields, brief_rows), (Variant.model_fields, variant_rows)):
        cells = re.findall(r"^\| `(\w+)` \| `(.*?)` \|", rows, re.MULTILINE)
        assert [name for name, _ in cells] == list(fields)
        for name, example in cells:
            base = {"name": "a", "kind": "image", "prompt": "a {{ colour }} star", "variables": {"colour": ("red",)}}
            given = yaml.safe_load(example)
            assert list(given) == [name]
            if fields is Brief.model_fields:
                arms = {"variants": ({"name": "a"}, {"name": "b"})} if name == "paired" else {}
                brief_of(base | arms | given, "example")
            else:
                brief_of(base | {"variants": [{"name": "a"} | given]}, "example")
