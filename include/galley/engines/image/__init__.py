"""The step engine: denoising steps of many pictures in one forward of the UNet.

``pipeline``   a diffusers pipeline and what both image engines need of it
``ticks``      which pictures take part in the next forward; pure
``room``       how many rows a forward may have, by certificate and memory
``picture``    one picture on its way: its scheduler, its noise, its embeddings
``denoiser``   a forward of the UNet
``decoder``    a forward of the autoencoder's decoder
``finishing``  from latents to bytes, beside the loop
``trial``      whether steps serve a model, which row counts give equal bits, what a row takes
``engine``     the loop
"""
