"""Texts with dynamic batching: rows of one forward come and go, and what a row says depends on none of the others.

slots.py           which item sits in which row of the cache, and which forward comes next     pure
language_model.py  a causal language model and its tokenizer, prompts in and texts out
cache.py           keys and values per slot, with a position per row
masks.py           which keys a query may see, and which models that covers
attention.py       attention whose query heads read shared keys in place
forward.py         forwards over slots: chunks of prompts, a token for every row
room.py            how many rows fit into memory
trial.py           whether slots serve a model, and which row counts give equal bits
prefix.py          keys and values of prompts that begin alike
sampler.py         one token per row from its own seed and its own parameters
pieces.py          what a single token says
int8.py            linear layers and embeddings in eight bits
engine.py          the loop
"""
