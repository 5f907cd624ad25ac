import socket

import pytest


def test_it_reaches_no_host_but_this_one() -> None:
    # pytest-socket warns before it refuses, and warnings are errors here.
    with socket.socket() as outside, pytest.raises(UserWarning, match=r"192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 443))
