"""Galley turns briefs into screened, published and A/B-logged content. The map of the code is README.md."""

__version__ = "0.1.0"
