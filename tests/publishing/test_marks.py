from __future__ import annotations

import json
import struct
import xml.etree.ElementTree as ElementTree
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.errors import CheckError
from galley.publishing.marks import XMP_KEYWORD, mark, png_chunks, sidecar
from tests.publishing.samples import chunk, item, png, request
from tests.publishing.test_disposition import entry_of

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MADE = TERMS + "trainedAlgorithmicMedia"
CHANGED = TERMS + "compositeWithTrainedAlgorithmicMedia"
DC = "{http://purl.org/dc/elements/1.1/}"


def itxt(data: bytes) -> dict[bytes, bytes]:
    """Keyword to text of the iTXt chunks, parsed as the PNG specification has them."""
    found = {}
    for kind, content in png_chunks(data):
        if kind == b"iTXt":
            keyword, rest = content.split(b"\0", 1)
            compressed, rest = rest[0], rest[2:]
            _language, _translated, text = rest.split(b"\0", 2)
            assert compressed == 0
            found[keyword] = text
    return found


def packet(data: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(itxt(data)[XMP_KEYWORD].decode())


def pixels(data: bytes) -> bytes:
    return zlib.decompress(b"".join(content for kind, content in png_chunks(data) if kind == b"IDAT"))


def test_an_image_says_that_a_model_made_it_and_for_which_request() -> None:
    wanted = request(3, "image")
    marked = packet(mark(png(), wanted))
    assert marked.find(f".//{IPTC}DigitalSourceType").text == MADE
    assert marked.find(f".//{DC}identifier").text == f"urn:galley:request:{wanted.key}"


def test_an_image_that_began_with_a_picture_says_that_a_model_changed_it() -> None:
    wanted = request(3, "image").model_copy(update={"init_image": "a" * 64})
    marked = mark(png(), wanted, embed_prompt=True)
    assert packet(marked).find(f".//{IPTC}DigitalSourceType").text == CHANGED
    assert b"Denoising strength: 0.8" in itxt(marked)[b"parameters"]
    assert b"strength" not in itxt(mark(png(), request(3, "image"), embed_prompt=True))[b"parameters"]
    begun = item(1, embed_prompt=True)
    begun = begun.model_copy(update={"request": wanted})
    fields = json.loads(sidecar(begun, entry_of(begun), {}))
    assert fields["digital_source_type"] == CHANGED
    assert (fields["params"]["init_image"], fields["params"]["strength"]) == ("a" * 64, 0.8)


def test_the_pixels_and_the_header_stay_as_they_were_screened() -> None:
    source = png(shade=9)
    marked = mark(source, request(1, "image"), embed_prompt=True)
    assert marked != source
    assert pixels(marked) == pixels(source)
    assert next(png_chunks(marked)) == next(png_chunks(source))


def test_the_same_request_and_source_give_the_same_bytes_and_another_request_others() -> None:
    source = png()
    assert mark(source, request(1, "image")) == mark(source, request(1, "image"))
    assert mark(source, request(1, "image")) != mark(source, request(2, "image"))


def test_marking_what_is_marked_changes_nothing() -> None:
    wanted = request(1, "image")
    once = mark(png(), wanted, embed_prompt=True)
    assert mark(once, wanted, embed_prompt=True) == once


def test_the_prompt_is_inside_only_where_the_brief_asks() -> None:
    wanted = request(1, "image", prompt="a <secret> & 红色 circle")
    assert b"secret" not in mark(png(), wanted)
    assert "红色".encode() not in mark(png(), wanted)
    asked = mark(png(), wanted, embed_prompt=True)
    assert packet(asked).find(f".//{IPTC}AIPromptInformation").text == wanted.prompt
    text = itxt(asked)[b"parameters"].decode()
    assert text.startswith(wanted.prompt + "\n") and "Seed: 1" in text and "Size: 16x16" in text


@given(st.text(min_size=1, max_size=60))
def test_any_prompt_gives_a_packet_that_parses(prompt: str) -> None:
    marked = mark(png(), request(1, "image", prompt=prompt), embed_prompt=True)
    assert packet(marked).find(f".//{IPTC}DigitalSourceType") is not None


def test_what_an_engine_wrote_about_the_picture_does_not_outlive_the_mark() -> None:
    source = png(extra=chunk(b"tEXt", b"parameters\0secret prompt") + chunk(b"tIME", bytes(7)))
    kinds = [kind for kind, _ in png_chunks(mark(source, request(1, "image")))]
    assert kinds == [b"IHDR", b"iTXt", b"IDAT", b"IEND"]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"GIF89a" + bytes(60), id="no png"),
        pytest.param(png()[:-6], id="cut off"),
        pytest.param(png()[:60] + bytes([png()[60] ^ 1]) + png()[61:], id="one bit"),
        pytest.param(png() + b"<script>", id="something behind the end"),
        pytest.param(png()[:33] + struct.pack(">I", 2**31 - 1) + png()[37:], id="length beyond the end"),
        pytest.param(png()[:16] + bytes(8) + png()[24:], id="no pixels"),
    ],
)
def test_what_is_no_whole_png_is_not_marked(broken: bytes) -> None:
    with pytest.raises(CheckError):
        mark(broken, request(1, "image"))


@given(st.binary(max_size=200))
def test_a_text_is_published_as_it_was_screened(text: bytes) -> None:
    assert mark(text, request(1, "text"), embed_prompt=True) == text


def test_a_sidecar_says_what_the_object_is_and_holds_the_prompt_only_where_asked() -> None:
    plain, asked = item(1), item(1, embed_prompt=True)
    verdict = {"decision": "allow", "scores": {}}
    fields = json.loads(sidecar(plain, entry_of(plain), verdict))
    assert fields["digital_source_type"] == MADE
    assert fields["request_key"] == plain.request.key and fields["verdict"] == verdict
    assert "prompt" not in fields and "approved_by" not in fields
    assert json.loads(sidecar(asked, entry_of(asked), verdict))["prompt"] == asked.request.prompt
    assert sidecar(plain, entry_of(plain), verdict) == sidecar(plain, entry_of(plain), verdict)
