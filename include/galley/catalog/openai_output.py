"""A run as the output and error files of OpenAI's Batch API: one line per ``custom_id``, in no order.

What passed is a line of the output file with ``response.body`` as its endpoint answers; ``n`` items of one custom_id
are its choices. A text that was blocked after it was made is a choice with ``finish_reason: content_filter`` and no
content. Everything else is a line of the error file: 400 ``content_policy_violation`` where nothing may be shown, 400
``invalid_row`` where the row was rejected, 500 where it could not be made, ``response: null`` where it is not decided
yet. In paired mode a custom_id has one line per variant.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from galley.catalog.openai_logprobs import choice_logprobs
from galley.catalog.rows import CatalogItem
from galley.items import Reject, digest

Read = Callable[[str, str | None], bytes]
"""URI and sha256 to verified bytes."""


def batch_line(group: Sequence[CatalogItem], created: int, read: Read) -> tuple[bool, dict[str, Any]]:
    """The line of one custom_id and whether it belongs into the output file (else into the error file).

    Args:
        group: the items of one custom_id and variant, in order; at least one.
        created: seconds since 1970 that ``created`` says.
        read: reads published bytes.
    """
    first = group[0]
    shown = [(index, item) for index, item in enumerate(group) if item.state == "published"]
    if first.item.request.kind == "text":
        filtered = [(index, item) for index, item in enumerate(group) if _filtered(item)]
        choices = sorted(shown + filtered, key=lambda pair: pair[0])
        body = _text(group, choices, created, read) if choices else None
    else:
        body = _images([item for _, item in shown], created, read) if shown else None
    line = {"id": f"batch_req_{first.item.item_id}", "custom_id": first.item.custom_id}
    if body is not None:
        return True, {**line, "response": _response(first, 200, body), "error": None}
    return False, {**line, **_error(group)}


def reject_line(run: str, reject: Reject) -> dict[str, Any]:
    """The error line of a row that became no item; its ``custom_id`` is the one it had."""
    key = digest([run, reject.source, reject.line, reject.custom_id])
    where = f"Line {reject.line}: " if reject.line is not None else ""
    what = " ".join(part for part in (reject.field, reject.value) if part)
    error = _api_error(f"{where}{what} {reject.rule}", "invalid_request_error", "invalid_row", reject.field or None)
    return {
        "id": f"batch_req_{key[:16]}",
        "custom_id": reject.custom_id,
        "response": {"status_code": 400, "request_id": key[:32], "body": error},
        "error": None,
    }


def _filtered(item: CatalogItem) -> bool:
    """It was made, and what was made may not be shown."""
    verdict = item.prompt_verdict
    return item.state == "blocked" and item.artifact is not None and not (verdict and verdict.decision == "block")


def _response(item: CatalogItem, status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"status_code": status, "request_id": item.request_key[:32], "body": body}


def _text(
    group: Sequence[CatalogItem], choices: Sequence[tuple[int, CatalogItem]], created: int, read: Read
) -> dict[str, Any]:
    request = group[0].item.request
    chat = bool(request.messages)
    listed: list[dict[str, Any]] = []
    for index, item in choices:
        if item.state == "published" and item.uri is not None:
            text = read(item.uri, item.sha256).decode("utf-8")
            reason = (item.generation.finish_reason if item.generation else "") or "stop"
            logprobs = choice_logprobs(item, read, chat=chat)
        else:
            text, reason, logprobs = "", "content_filter", None
        said = {"message": {"role": "assistant", "content": text, "refusal": None}} if chat else {"text": text}
        listed.append({"index": index, **said, "logprobs": logprobs, "finish_reason": reason})
    body: dict[str, Any] = {
        "id": f"{'chatcmpl' if chat else 'cmpl'}-{group[0].item.item_id}",
        "object": "chat.completion" if chat else "text_completion",
        "created": created,
        "model": request.model,
        "choices": listed,
    }
    made = [item.generation for _, item in choices if item.generation]
    prompt_tokens = made[0].prompt_tokens if made else 0
    if prompt_tokens:
        completion = sum(generation.evaluations for generation in made)
        body["usage"] = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": prompt_tokens + completion,
        }
    return body


def _images(items: Sequence[CatalogItem], created: int, read: Read) -> dict[str, Any]:
    data = [{"b64_json": base64.b64encode(read(item.uri, item.sha256)).decode("ascii")} for item in items if item.uri]
    return {"created": created, "data": data}


def _error(group: Sequence[CatalogItem]) -> dict[str, Any]:
    """``response`` and ``error`` of a custom_id of which nothing can be shown; the worst that befell it decides."""
    states = [item.state for item in group]
    if "blocked" in states:
        item = group[states.index("blocked")]
        message = f"The content was blocked by policy {item.item.policy!r}: {_why(item)}."
        body = _api_error(message, "invalid_request_error", "content_policy_violation")
        return {"response": _response(item, 400, body), "error": None}
    if "failed" in states:
        item = group[states.index("failed")]
        generation = item.generation
        kind = generation.failure_kind if generation else "no_result"
        message = generation.failure_message if generation else "It was never made."
        return {"response": _response(item, 500, _api_error(message, "server_error", kind)), "error": None}
    undecided = {
        "held": ("held_for_review", "It waits for a person's decision: galley review."),
        "withdrawn": ("withdrawn", "It was published and taken back."),
        "pending": ("not_finished", "Its run has not finished."),
    }
    code, message = undecided[next(state for state in ("held", "withdrawn", "pending") if state in states)]
    return {"response": None, "error": {"code": code, "message": message}}


def _api_error(message: str, kind: str, code: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _why(item: CatalogItem) -> str:
    verdict = item.verdict
    reasons = [reason for reason in verdict.reasons if reason["decision"] == "block"] if verdict else []
    return f"{reasons[0]['check']}: {reasons[0]['detail']}" if reasons else "a reviewer rejected it"
