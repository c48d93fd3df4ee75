"""The step engine: denoising steps of many pictures in one forward of the UNet.

``pipeline``  a diffusers pipeline and what both image engines need of it
``ticks``     which pictures take part in the next forward; pure
``picture``   one picture on its way: its scheduler, its noise, its embeddings
``engine``    the loop
"""
