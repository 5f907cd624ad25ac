import pytest

from compliance.outbound.loopback import is_loopback_url


@pytest.mark.parametrize(
    "url", ["http://localhost:8001", "http://127.0.0.1:1/", "https://[::1]", "http://localhost/below"]
)
def test_it_accepts_urls_of_this_machine(url: str) -> None:
    assert is_loopback_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8001",
        "ftp://localhost",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "http://user@localhost",
        "http://localhost?x",
        "http://localhost#x",
        "http://localhost:99999",
        "http://[::1",
        "http://127.0.0.1@evil.example",
    ],
)
def test_it_rejects_all_other_urls(url: str) -> None:
    assert not is_loopback_url(url)
