import socket

import pytest


def test_it_blocks_connections_to_other_hosts() -> None:
    # pytest-socket warns before it refuses, and warnings are errors here.
    with socket.socket() as connection, pytest.raises(UserWarning, match=r"192\.0\.2\.1"):
        connection.connect(("192.0.2.1", 443))
