"""Provenance marks of the first form: deterministic, so that published bytes depend on the request alone.

Images get an XMP packet with the IPTC digital source type ``trainedAlgorithmicMedia`` and the request key; where the
brief asks, the prompt and parameters too, in XMP and in the ``parameters`` text that image tools read. The pixel data
goes over byte for byte. Texts stay as they are; their mark is the sidecar that every published object has.

PNG chunks are written by hand (PNG 3rd edition, section 5 and 11.3.3): marking needs no imaging library, so that a
reviewer's approval can publish from any environment.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from galley.compliance.images import SIGNATURE, png_size
from galley.errors import CheckError
from galley.items import ImageParams, Item, Published, Request, canonical_json

MARKS_VERSION = 1
"""Version of the marks' form; in every sidecar."""
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
XMP_KEYWORD = b"XML:com.adobe.xmp"
_REPLACED = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}
"""Chunks that say where a picture comes from; an engine's own must not contradict or outlive the mark."""
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
   <dc:identifier>urn:galley:request:{key}</dc:identifier>
   <xmp:CreatorTool>Galley</xmp:CreatorTool>{prompt}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def digital_source_type(request: Request) -> str:
    """IPTC's term for media that a trained model made, or, of an image that began with a picture, that it changed."""
    return _SOURCE_TYPES + ("compositeWithTrainedAlgorithmicMedia" if request.init_image else "trainedAlgorithmicMedia")


def mark(source: bytes, request: Request, *, embed_prompt: bool = False) -> bytes:
    """The bytes to publish for the bytes that were screened; the same input gives the same output, always.

    Args:
        source: the artifact, PNG or UTF-8 text as the request's kind says.
        request: what made it.
        embed_prompt: whether prompt and parameters go into images.

    Raises:
        CheckError: an image that is no well-formed PNG.
    """
    return _mark_png(source, request, embed_prompt) if request.kind == "image" else source


def sidecar(item: Item, entry: Published, verdict: Mapping[str, Any]) -> bytes:
    """The JSON beside a published object: what it is, that a model made it, and who or what let it pass.

    Args:
        item: what was wanted.
        entry: the object as the release lists it.
        verdict: decision, scores, policy digest.
    """
    fields: dict[str, Any] = {
        "marks_version": MARKS_VERSION,
        "digital_source_type": digital_source_type(item.request),
        "item_id": item.item_id,
        "custom_id": item.custom_id,
        "content_date": item.content_date.isoformat(),
        "brief": item.brief,
        "experiment": item.experiment,
        "variant": item.variant,
        "kind": item.request.kind,
        "model": item.request.model,
        "model_digest": item.request.model_digest,
        "seed": item.request.seed,
        "request_key": entry.request_key,
        "media_type": entry.media_type,
        "sha256": entry.sha256,
        "source_sha256": entry.source_sha256,
        "verdict": dict(verdict),
    }
    if entry.approved_by:
        fields["approved_by"] = entry.approved_by
    if item.embed_prompt:
        fields["prompt"] = item.request.screened_text
        fields["params"] = item.request.told(defaults=True)
    return canonical_json(fields) + b"\n"


def xmp_packet(request: Request, *, embed_prompt: bool = False) -> bytes:
    """The XMP packet of a request, UTF-8."""
    prompt = ""
    if embed_prompt:
        # AIPromptInformation and AISystemUsed: IPTC Photo Metadata Standard 2025.1.
        prompt = (
            f"\n   <Iptc4xmpExt:AIPromptInformation>{_xml(request.screened_text)}</Iptc4xmpExt:AIPromptInformation>"
            f"\n   <Iptc4xmpExt:AISystemUsed>{_xml(request.model)}</Iptc4xmpExt:AISystemUsed>"
        )
    return _PACKET.format(source_type=digital_source_type(request), key=request.key, prompt=prompt).encode()


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of every chunk; raises `CheckError` for a wrong length or checksum or a missing end."""
    png_size(data)
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        content = data[position + 8 : position + 8 + length]
        check = data[position + 8 + length : position + 12 + length]
        if len(check) != 4 or struct.unpack(">I", check)[0] != zlib.crc32(kind + content):
            raise CheckError(f"the picture is damaged: chunk {kind!r} at byte {position} has a wrong checksum")
        yield kind, content
        position += 12 + length
        if kind == b"IEND":
            # What stands behind the end is in no picture and was screened by nobody.
            if position != len(data):
                raise CheckError(f"the picture has {len(data) - position} bytes behind its end")
            return
    raise CheckError("the picture is damaged: it has no end")


def _mark_png(source: bytes, request: Request, embed_prompt: bool) -> bytes:
    texts = [_itxt(XMP_KEYWORD, xmp_packet(request, embed_prompt=embed_prompt))]
    if embed_prompt:
        texts.append(_itxt(b"parameters", _parameters(request).encode()))
    out = [SIGNATURE]
    for kind, content in png_chunks(source):
        if kind in _REPLACED:
            continue
        out.append(_chunk(kind, content))
        if kind == b"IHDR":
            out += texts
    return b"".join(out)


def _itxt(keyword: bytes, text: bytes) -> bytes:
    # Keyword, uncompressed, no language tag, no translated keyword: what XMP Part 3, section 1.1.5 asks for.
    return _chunk(b"iTXt", keyword + b"\0\0\0\0\0" + text)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _parameters(request: Request) -> str:
    params = request.params
    if not isinstance(params, ImageParams):
        raise TypeError("parameters are embedded in images alone")
    lines = [request.screened_text]
    if params.negative_prompt:
        lines.append(f"Negative prompt: {params.negative_prompt}")
    figures = {
        "Steps": params.num_inference_steps,
        "Sampler": params.scheduler,
        "CFG scale": f"{params.guidance_scale:g}",
        "Seed": request.seed,
        "Size": f"{params.width}x{params.height}",
        "Denoising strength": f"{params.strength:g}" if request.init_image else "",
        "Model hash": request.model_digest[:10],
        "Model": request.model,
    }
    lines.append(", ".join(f"{name}: {value}" for name, value in figures.items() if value != ""))
    return "\n".join(lines).replace("\0", "")


def _xml(text: str) -> str:
    # XML 1.0 has no form for control characters, surrogates and noncharacters, not even as escapes.
    allowed = (char for char in text if char in "\t\n\r" or (char >= " " and char not in "\ufffe\uffff"))
    return escape("".join(char for char in allowed if not "\ud800" <= char <= "\udfff"))
