"""The worker: ``python -m galley.worker COMMAND --job URI``, the same in processes and containers.

A job's specification, inputs and outputs are objects in the store. Nothing is read from stdout; log lines go to stderr;
the exit code is one of `galley.exit_codes`.
"""
