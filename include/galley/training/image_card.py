"""The model card of ``starter-image``: written at export; the measuring command fills in figures and pictures."""

from __future__ import annotations

from galley.training.scenes import COLOURS, HELD_OUT, HELD_OUT_SHARE, PLACES, RELATIONS, SHAPES
from galley.training.text_card import UNMEASURED


def card(*, side: int, parameters: dict[str, int], training: str) -> str:
    """The whole card.

    Args:
        side: pixels of a picture's side.
        parameters: part to number of weights.
        training: what was trained for how long, in words.
    """
    parts = "\n".join(f"| `{name}` | {count / 1e6:.2f} M |" for name, count in parameters.items())
    places = ", ".join(place for column in PLACES for place in column)
    return f"""---
license: apache-2.0
language: en
library_name: diffusers
pipeline_tag: text-to-image
---
# starter-image

A complete `StableDiffusionPipeline` that draws pictures of {side} × {side} pixels of one small world: coloured shapes
on plain and gradient grounds. It exists so that Galley runs at once, offline, through the same code as a full-size
model, and so that what it draws can be measured. **For production use a real checkpoint.**

![Sixteen held-out captions](grid.png)

## Use

```python
from diffusers import StableDiffusionPipeline

pipeline = StableDiffusionPipeline.from_pretrained("include/models/starter-image")
pipeline("a small red star above a large blue ring on a yellow background", num_inference_steps=20).images[0]
```

## What it knows

- Shapes: {", ".join(SHAPES)}. Colours, of objects and of grounds: {", ".join(COLOURS)}. Sizes: small, large.
- Places of one object: {places}. Relations of two: {", ".join(RELATIONS)}.
- Grounds: plain, or fading from one colour to another, from top to bottom or from left to right.
- Captions in many wordings; words it does not know were put into a tenth of them, and should change nothing.

## Data and training

Scenes are drawn by `galley.training.drawing` and described by `galley.training.scenes`; nothing comes from elsewhere.
One in {HELD_OUT_SHARE} of the combinations of shape, colour and ground, {int(HELD_OUT.sum())} in all, never occurs
in training, and every caption it is measured on has one. {training}
The noise schedule is linear (1e-4 to 0.02, 1000 steps), prediction type velocity; `make train-starters` makes it
again from code and seeds.

| part | weights |
|---|---|
{parts}

Weights are stored in float16 and load as float32.

## The safety checker inside

`safety_checker` flags one concept of this world, the protected red-cross emblem: a red cross on plain white. Its
nearest harmless neighbours are red crosses on other grounds and white crosses on red. The score is graded: the cosine
with concept 0 less its threshold of 0.5. It knows nothing of real pictures.

## Figures

`make measure-starters` measures 500 captions with held-out combinations at 20 steps and guidance_scale 7.5. The
measurer is classical image processing (`tests/starters/scene_reader.py`) and shares no code with the drawing.

<!-- figures:begin -->
{UNMEASURED}
<!-- figures:end -->

## Limits

It draws nothing but this world, and three or more objects, other sizes of picture, or negative prompts with a meaning
were never taught. Licence: Apache-2.0, code and weights.
"""
