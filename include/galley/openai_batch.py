"""OpenAI batch lines as request rows: ``{"custom_id", "method": "POST", "url", "body"}``.

`TABLE` says, per endpoint, which fields of the body are used, which are ignored with a warning, and which are refused
because the output would not be what was asked for. It drives the reading and it is the README's table (`markdown`), so
that the two cannot differ. ``null`` and a field's neutral values (``echo`` of false) count as left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from galley.complaints import did_you_mean, show
from galley.errors import InputError
from galley.expansion import MAX_PROMPT, RequestRow, check_prompt
from galley.items import Kind, Message

CHAT, COMPLETIONS, IMAGES = "/v1/chat/completions", "/v1/completions", "/v1/images/generations"
ENDPOINTS: Mapping[str, Kind] = {CHAT: "text", COMPLETIONS: "text", IMAGES: "image"}
FIELDS = frozenset({"method", "url", "body"})
"""A line with one of these is an OpenAI batch line."""
MAX_N = 128

T = TypeVar("T")
Treatment = Literal["used", "ignored", "refused"]


@dataclass(frozen=True)
class Field:
    """How one field of a body is treated.

    Attributes:
        name: in the body.
        endpoints: where it may stand.
        treatment: ``used``, ``ignored`` with a warning, or ``refused``.
        note: what becomes of it, or why not.
        neutral: values that ask for nothing, so that they pass without a word.
        params: the sampling parameter it sets, where that is all it does.
    """

    name: str
    endpoints: tuple[str, ...]
    treatment: Treatment
    note: str
    neutral: tuple[Any, ...] = ()
    params: str = ""


_ALL, _TEXT = (CHAT, COMPLETIONS, IMAGES), (CHAT, COMPLETIONS)
_CANNOT = "not supported; the output would differ"

TABLE: tuple[Field, ...] = (
    Field("model", _ALL, "used", "a name or alias in models.yaml; left out: the kind's default"),
    Field("n", _ALL, "used", f"that many items under one custom_id, 1 to {MAX_N}"),
    Field("seed", _ALL, "used", "taken modulo 2^63; left out: made from the custom_id"),
    Field("messages", (CHAT,), "used", "roles system, developer (as system), user, assistant; text content only"),
    Field("prompt", (COMPLETIONS, IMAGES), "used", "one text, or a list of one text"),
    Field("max_completion_tokens", (CHAT,), "used", "max_new_tokens", params="max_new_tokens"),
    Field("max_tokens", _TEXT, "used", "max_new_tokens; left out: the model's default", params="max_new_tokens"),
    Field("temperature", _TEXT, "used", "temperature", params="temperature"),
    Field("top_p", _TEXT, "used", "top_p", params="top_p"),
    Field("stop", _TEXT, "used", "a text or a list of texts"),
    Field("top_k", _TEXT, "used", "extension of vLLM and others: top_k, -1 is off", params="top_k", neutral=(-1,)),
    Field("min_p", _TEXT, "used", "extension: min_p", params="min_p"),
    Field("min_tokens", _TEXT, "used", "extension: min_new_tokens", params="min_new_tokens"),
    Field("frequency_penalty", _TEXT, "used", "frequency_penalty", params="frequency_penalty"),
    Field("presence_penalty", _TEXT, "used", "presence_penalty", params="presence_penalty"),
    Field("logit_bias", _TEXT, "used", "by token ids of the model used here", params="logit_bias"),
    Field("repetition_penalty", _TEXT, "used", "extension: repetition_penalty", params="repetition_penalty"),
    Field("logprobs", (CHAT,), "used", "export tells each token's log-probability, the model's own", neutral=(False,)),
    Field("top_logprobs", (CHAT,), "used", "logprobs: so many of the likeliest as well, 0 to 20; needs logprobs"),
    Field("logprobs", (COMPLETIONS,), "used", "logprobs: with so many of the likeliest, 0 to 20", (False,), "logprobs"),
    Field("size", (IMAGES,), "used", "WIDTHxHEIGHT in pixels; auto: the model's default", neutral=("auto",)),
    Field("negative_prompt", (IMAGES,), "used", "extension: negative_prompt", params="negative_prompt"),
    Field("num_inference_steps", (IMAGES,), "used", "extension: num_inference_steps", params="num_inference_steps"),
    Field("guidance_scale", (IMAGES,), "used", "extension: guidance_scale", params="guidance_scale"),
    Field("metadata", (CHAT,), "used", "returned unchanged"),
    Field("response_format", (CHAT,), "refused", "only text; formats cannot be guaranteed", ({"type": "text"},)),
    Field("tools", (CHAT,), "refused", "models here call no tools", ([],)),
    Field("tool_choice", (CHAT,), "refused", "models here call no tools", ("none", "auto")),
    Field("functions", (CHAT,), "refused", "models here call no tools", ([],)),
    Field("function_call", (CHAT,), "refused", "models here call no tools", ("none", "auto")),
    Field("modalities", (CHAT,), "refused", "only text", (["text"],)),
    Field("audio", (CHAT,), "refused", "only text"),
    Field("web_search_options", (CHAT,), "refused", "models here do not search"),
    Field("suffix", (COMPLETIONS,), "refused", _CANNOT, ("",)),
    Field("echo", (COMPLETIONS,), "refused", _CANNOT, (False,)),
    Field("best_of", (COMPLETIONS,), "refused", _CANNOT, (1,)),
    Field("background", (IMAGES,), "refused", "pictures here are opaque", ("auto", "opaque")),
    Field("stream", _ALL, "ignored", "results are files", (False,)),
    Field("stream_options", _TEXT, "ignored", "results are files", ({},)),
    Field("partial_images", (IMAGES,), "ignored", "results are files", (0,)),
    Field("user", _ALL, "ignored", "not sent anywhere"),
    Field("safety_identifier", (CHAT,), "ignored", "not sent anywhere"),
    Field("prompt_cache_key", (CHAT,), "ignored", "no cache to choose"),
    Field("prompt_cache_retention", (CHAT,), "ignored", "no cache to choose"),
    Field("store", (CHAT,), "ignored", "everything is stored with the run", (False,)),
    Field("service_tier", (CHAT,), "ignored", "there is one", ("auto", "default")),
    Field("parallel_tool_calls", (CHAT,), "ignored", "models here call no tools", (True, False)),
    Field("prediction", (CHAT,), "ignored", "only a matter of speed"),
    Field("reasoning_effort", (CHAT,), "ignored", "models here do not reason apart"),
    Field("verbosity", (CHAT,), "ignored", "say it in the messages"),
    Field("quality", (IMAGES,), "ignored", "set num_inference_steps", ("auto", "standard")),
    Field("style", (IMAGES,), "ignored", "say it in the prompt"),
    Field("response_format", (IMAGES,), "ignored", "results are files; export gives b64_json"),
    Field("output_format", (IMAGES,), "ignored", "results are PNG", ("png",)),
    Field("output_compression", (IMAGES,), "ignored", "results are PNG", (100,)),
    Field("moderation", (IMAGES,), "ignored", "the compliance policy decides", ("auto",)),
)

_BY_ENDPOINT = {url: {field.name: field for field in TABLE if url in field.endpoints} for url in ENDPOINTS}
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


def markdown() -> str:
    """The README's table: one line per field and treatment, the endpoints by their last words."""
    lines = ["| field | chat | completions | images | what becomes of it |", "|---|---|---|---|---|"]
    for field in TABLE:
        cells = [field.treatment if url in field.endpoints else "–" for url in _ALL]
        neutral = ", ".join(f"`{json.dumps(value)}`" for value in field.neutral)
        passes = f" (passes: {neutral})" if neutral else ""
        lines.append(f"| `{field.name}` | {' | '.join(cells)} | {field.note}{passes} |")
    lines.append("| anything else | refused | refused | refused | an unknown field may change the output |")
    return "\n".join(lines) + "\n"


def row_of(line: Mapping[str, Any], *, brief: str = "") -> RequestRow:
    """The request row of a batch line.

    Args:
        line: the JSON object.
        brief: brief whose policy, experiment and variants apply; a batch line cannot name one.

    Raises:
        InputError: with field, value and rule, without a source.
    """
    for name, given in line.items():
        if name != "custom_id" and name not in FIELDS:
            rule = "is not a field of a batch line" + did_you_mean(name, ["custom_id", *FIELDS])
            raise InputError("", show(name), show(given), rule)
    custom_id = line.get("custom_id")
    if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= 512:
        missing = "custom_id" not in line
        rule = "is required" if missing else "should be a text of 1 to 512 characters"
        raise InputError("", "custom_id", "" if missing else show(custom_id), rule)
    if line.get("method") != "POST":
        raise InputError("", "method", show(line.get("method")), 'should be "POST"')
    url, body = line.get("url"), line.get("body")
    if not isinstance(url, str) or url not in ENDPOINTS:
        raise InputError("", "url", show(url), f"should be one of {', '.join(ENDPOINTS)}")
    if not isinstance(body, dict):
        raise InputError("", "body", show(body), "should be an object")
    used, warnings = _sorted_out(body, url)
    names = {"model": "body.model", "prompt": "body.prompt", "kind": "url", "params.stop": "body.stop"}
    names |= {"params.width": "body.size", "params.height": "body.size"}
    params: dict[str, Any] = {}
    for name, field in _BY_ENDPOINT[url].items():
        if field.params and name in used and field.params not in params:
            params[field.params] = used[name]
            names[f"params.{field.params}"] = f"body.{name}"
    if "stop" in used:
        params["stop"] = used["stop"] if isinstance(used["stop"], list) else [used["stop"]]
    if url == CHAT and used.keys() & {"logprobs", "top_logprobs"}:
        params["logprobs"] = _chat_logprobs(used)
        names["params.logprobs"] = "body.top_logprobs"
    if "size" in used:
        params["width"], params["height"] = _size(used["size"])
    chat = url == CHAT
    return RequestRow(
        custom_id=custom_id,
        kind=ENDPOINTS[url],
        prompt="" if chat else _prompt(used.get("prompt")),
        messages=_messages(used.get("messages"), warnings) if chat else (),
        model=_typed(used, "model", str, "a text", ""),
        params=params,
        seed=_typed(used, "seed", int, "a whole number", 0) % 2**63 if "seed" in used else None,
        n=_n(used),
        brief=brief,
        metadata=_typed(used, "metadata", dict, "an object", {}),
        warnings=tuple(warnings),
        names=names,
    )


def _sorted_out(body: Mapping[str, Any], url: str) -> tuple[dict[str, Any], list[str]]:
    """The fields that are used, and a warning for each that is ignored. Raises `InputError` for the refused."""
    fields = _BY_ENDPOINT[url]
    used: dict[str, Any] = {}
    warnings: list[str] = []
    for name, given in body.items():
        field = fields.get(name)
        if field is None:
            raise InputError("", f"body.{show(name)}", show(given), "is not a field here" + did_you_mean(name, fields))
        if given is None or any(_same(given, value) for value in field.neutral):
            continue
        if field.treatment == "refused":
            raise InputError("", f"body.{name}", show(given), f"is refused: {field.note}")
        if field.treatment == "ignored":
            warnings.append(f"body.{name} is ignored: {field.note}")
        else:
            used[name] = given
    return used, warnings


def _same(given: object, value: object) -> bool:
    """Equal as JSON: 0 and 0.0 are, 0 and false are not."""
    return given == value and isinstance(given, bool) == isinstance(value, bool)


def _typed(used: Mapping[str, Any], name: str, kind: type[T], called: str, default: T) -> T:
    given = used.get(name, default)
    if not isinstance(given, kind) or (isinstance(given, bool) and kind is int):
        raise InputError("", f"body.{name}", show(given), f"should be {called}")
    return given


def _n(used: Mapping[str, Any]) -> int:
    n = _typed(used, "n", int, "a whole number", 1)
    if not 1 <= n <= MAX_N:
        raise InputError("", "body.n", show(n), f"should be 1 to {MAX_N}")
    return n


def _chat_logprobs(used: Mapping[str, Any]) -> int:
    if not _typed(used, "logprobs", bool, "true or false", False):
        raise InputError("", "body.top_logprobs", show(used["top_logprobs"]), "needs logprobs: true")
    return _typed(used, "top_logprobs", int, "a whole number from 0 to 20", 0)


def _size(given: object) -> tuple[int, int]:
    found = _SIZE.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise InputError("", "body.size", show(given), 'should be WIDTHxHEIGHT in pixels, for example "512x512"')
    return int(found[1]), int(found[2])


def _prompt(given: object) -> str:
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if given is None:
        raise InputError("", "body.prompt", "", "is required")
    if not isinstance(given, str):
        raise InputError("", "body.prompt", show(given), "should be one text; give every prompt a line of its own")
    return check_prompt(given, "body.prompt")


def _messages(given: object, warnings: list[str]) -> tuple[Message, ...]:
    if given is None:
        raise InputError("", "body.messages", "", "is required")
    if not isinstance(given, list) or not given:
        raise InputError("", "body.messages", show(given), "should be a list of at least one message")
    return tuple(_message(message, f"body.messages[{index}]", warnings) for index, message in enumerate(given))


def _message(given: object, where: str, warnings: list[str]) -> Message:
    if not isinstance(given, dict):
        raise InputError("", where, show(given), "should be an object with role and content")
    for name, value in given.items():
        if name == "name" and value is not None:
            warnings.append(f"{where}.name is ignored: the models here do not tell speakers apart")
        elif name not in ("role", "content", "name") and value not in (None, []):
            raise InputError("", f"{where}.{show(name)}", show(value), "is refused: messages have role and content")
    role = given.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise InputError("", f"{where}.role", show(role), f"should be one of {', '.join(_ROLES)}")
    content = given.get("content")
    if isinstance(content, list):
        parts = []
        for index, part in enumerate(content):
            if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
                raise InputError("", f"{where}.content[{index}]", show(part), "should be a part of type text")
            parts.append(part["text"])
        content = "".join(parts)
    if not isinstance(content, str):
        raise InputError("", f"{where}.content", show(content), "should be a text or a list of parts of type text")
    if len(content) > MAX_PROMPT:
        raise InputError("", f"{where}.content", show(content), f"is longer than {MAX_PROMPT} characters")
    return Message.model_validate({"role": _ROLES[role], "content": content})


def main() -> None:
    """Print the README's table."""
    print(markdown(), end="")


if __name__ == "__main__":
    main()
