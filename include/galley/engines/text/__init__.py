"""Texts with dynamic batching: rows of one forward come and go, and what a row says depends on none of the others.

slots.py           which item sits in which row of the cache, and which forward comes next     pure
language_model.py  a causal language model and its tokenizer, prompts in and texts out
cache.py           keys and values per slot, with a position per row
masks.py           which keys a query may see, and which models that covers
sampler.py         one token per row from its own seed and its own parameters
engine.py          the loop
"""
