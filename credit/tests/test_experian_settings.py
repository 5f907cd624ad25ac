import pickle

import pytest

from credit.experian.client import connect
from credit.provider import (
    BureauConfigError,
)
from credit.tests.client_samples import ADA, PROFILE


def test_it_neither_prints_nor_pickles_an_applicant():
    assert repr(ADA) == "<Applicant>"
    assert "Canary" not in f"{ADA!s}{[ADA]}"
    with pytest.raises(TypeError):
        pickle.dumps(ADA)


def test_it_prints_no_credentials():
    assert "CANARY" not in repr(PROFILE)


EMBEDDED = {
    "CREDIT_ENV": "embedded",
    "EXPERIAN_BASE_URL": "http://127.0.0.1:8001/",
    "EXPERIAN_CLIENT_ID": "client",
    "EXPERIAN_CLIENT_SECRET": "CANARYSECRET",
    "EXPERIAN_USERNAME": "user",
    "EXPERIAN_PASSWORD": "pass phrase",
    "EXPERIAN_SUBSCRIBER_CODE": "2222222",
    "EXPERIAN_PERMISSIBLE_PURPOSE": "3F",
    "EXPERIAN_INQUIRY_CLASS": "soft",
}


@pytest.fixture
def configure(settings):
    def set_settings(**changes):
        for name, value in (EMBEDDED | changes).items():
            setattr(settings, name, value)

    return set_settings


def test_it_connects_to_the_bureau_of_the_settings(configure):
    configure()
    client = connect()
    assert client is connect()
    assert (client.settings.host, client.settings.is_sample) == ("http://127.0.0.1:8001", True)
    configure(CREDIT_ENV="production", EXPERIAN_BASE_URL="", EXPERIAN_SUBSCRIBER_CODE="1234567")
    assert (connect().settings.host, connect().settings.is_sample) == ("https://us-api.experian.com", False)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CREDIT_ENV": "off"}, "HOST_REFUSED"),
        ({"EXPERIAN_BASE_URL": ""}, "HOST_REFUSED"),
        ({"EXPERIAN_BASE_URL": "https://experian.example"}, "HOST_REFUSED"),
        ({"EXPERIAN_BASE_URL": "http://127.0.0.1@evil.example"}, "HOST_REFUSED"),
        ({"EXPERIAN_BASE_URL": "http://127.0.0.1.evil.example"}, "HOST_REFUSED"),
        ({"EXPERIAN_BASE_URL": "http://127.0.0.1/x"}, "HOST_REFUSED"),
        ({"EXPERIAN_BASE_URL": "file:///127.0.0.1"}, "HOST_REFUSED"),
        ({"CREDIT_ENV": "production"}, "HOST_REFUSED"),
        ({"CREDIT_ENV": "sandbox", "EXPERIAN_BASE_URL": "https://us-api.experian.com"}, "HOST_REFUSED"),
        ({"EXPERIAN_REPORT_PATH": "//evil.example/x"}, "PATH_REFUSED"),
        ({"EXPERIAN_REPORT_PATH": "@evil.example/x"}, "PATH_REFUSED"),
        ({"EXPERIAN_REPORT_PATH": "https://evil.example/x"}, "PATH_REFUSED"),
        ({"EXPERIAN_TOKEN_PATH": "/x\r\nHost: evil.example"}, "PATH_REFUSED"),
        ({"EXPERIAN_TOKEN_STYLE": "digest"}, "TOKEN_STYLE_REFUSED"),
        ({"EXPERIAN_CLIENT_SECRET": ""}, "CREDENTIALS_REFUSED"),
        ({"EXPERIAN_PASSWORD": "CANARY\r\nx: y"}, "CREDENTIALS_REFUSED"),
        ({"EXPERIAN_SUBSCRIBER_CODE": ""}, "SUBSCRIBER_CODE_REFUSED"),
        ({"EXPERIAN_PERMISSIBLE_PURPOSE": ""}, "PERMISSIBLE_PURPOSE_REFUSED"),
        ({"EXPERIAN_INQUIRY_CLASS": "hard"}, "INQUIRY_CLASS_REFUSED"),
        ({"EXPERIAN_ERROR_RULES": [{"kind": "shrug"}]}, "ERROR_RULES_REFUSED"),
        ({"EXPERIAN_ERROR_RULES": [{"kind": "auth", "pattern": "("}]}, "ERROR_RULES_REFUSED"),
        ({"EXPERIAN_ERROR_RULES": [{"mood": "bad"}]}, "ERROR_RULES_REFUSED"),
    ],
)
def test_it_rejects_invalid_settings(configure, changes, code):
    configure(**changes)
    with pytest.raises(BureauConfigError) as error_info:
        connect()
    assert error_info.value.code == code
    assert "CANARY" not in str(error_info.value)
