"""The queryable index of runs, items, artifacts, verdicts, reviews, releases and the A/B log: see `facade.Catalog`.

The store is the truth: whatever is here can be recorded again from `runs/<run>/` and `releases/<run>/` with the same
result. Exposures, outcomes and the notes of reviews alone live nowhere else.
"""
