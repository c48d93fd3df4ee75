"""Log-probabilities of a published text, as OpenAI's two text endpoints give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from galley.catalog.rows import CatalogItem
from galley.errors import ObjectNotFound
from galley.items import Logprobs, TextParams, logprobs_uri

Read = Callable[[str, str | None], bytes]
"""URI and sha256, or None for what has none on record, to bytes."""


def choice_logprobs(item: CatalogItem, read: Read, *, chat: bool) -> dict[str, Any] | None:
    """``logprobs`` of a choice: as chats have it, or as completions; None where none were asked for or are there.

    They lie beside what the job made; where that was swept, as a store may after a while, there are none any more.
    """
    params = item.item.request.params
    if not isinstance(params, TextParams) or params.logprobs is None or item.artifact is None:
        return None
    try:
        data = read(logprobs_uri(item.artifact, item.request_key), None)
    except ObjectNotFound:
        return None
    told = Logprobs.model_validate_json(data).content
    if chat:
        return {"content": [token.model_dump(mode="json") for token in told], "refusal": None}
    offsets, end = [], 0
    for token in told:
        offsets.append(end)
        end += len(token.token)
    return {
        "tokens": [token.token for token in told],
        "token_logprobs": [token.logprob for token in told],
        "top_logprobs": [{each.token: each.logprob for each in token.top_logprobs} for token in told],
        "text_offset": offsets,
    }
