from __future__ import annotations

import os
import socket

from galley.airflow.ports import free_port, holder, is_free


def test_a_taken_port_is_told_and_by_whom() -> None:
    port = free_port()
    assert is_free(port) and holder(port) == ""
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        assert not is_free(port)
        assert f"(process {os.getpid()})" in holder(port)
    assert is_free(port)
