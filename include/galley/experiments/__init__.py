"""The A/B log as people use it: import of exposures and outcomes, statistics, the report of an experiment."""
