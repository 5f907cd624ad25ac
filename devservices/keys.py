"""The secrets of one data directory: generated at the first start, readable by their owner only."""

import base64
import datetime
import secrets

from devservices import CannotStart, envfile
from devservices.data_dir import DataDir

HEADING = "Made by `make run`. Without FIELD_KEYS nothing sealed in this data directory can be read again."


def generate_key(prefix: str) -> str:
    """Return a random 256-bit key in the form of FIELD_KEYS, with today's date in its id."""
    today = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
    return f"{prefix}-{today}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def generate() -> dict[str, str]:
    """Return new random keys and passwords."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": generate_key("kek"),
        "SIGNING_KEYS": generate_key("sig"),
        "PLAID_CLIENT_ID": secrets.token_hex(12),
        "PLAID_SECRET": secrets.token_hex(15),
        "ADMIN_PASSWORD": secrets.token_urlsafe(24),
        "OWNER_PASSWORD": secrets.token_urlsafe(24),
        "RW_PASSWORD": secrets.token_urlsafe(24),
        "OPS_PASSWORD": secrets.token_urlsafe(24),
        "VIEWER_PASSWORD": secrets.token_urlsafe(24),
    }


def ensure(data_dir: DataDir, *, has_data: bool) -> dict[str, str]:
    """Return the data directory's keys, generated if the data directory is new.

    Raises CannotStart if there is data without its keys, because new keys could not decrypt it.
    """
    if data_dir.keys.exists():
        return _add_missing_keys(data_dir)
    if has_data:
        raise CannotStart(
            f"{data_dir.keys} is missing, but {data_dir.root} holds a database sealed with it. Put the file back from "
            "your backup, or delete the folder to start afresh."
        )
    keys = generate()
    envfile.write_env_file(data_dir.keys, keys, HEADING)
    return keys


def _add_missing_keys(data_dir: DataDir) -> dict[str, str]:
    # A data directory that was created by an earlier version lacks the password of a role that was added since, which
    # `setup_database` sets, and the key for signatures, of which it has none.
    stored = envfile.read_env_file(data_dir.keys)
    keys = {"VIEWER_PASSWORD": secrets.token_urlsafe(24), "SIGNING_KEYS": generate_key("sig")} | stored
    if keys != stored:
        envfile.write_env_file(data_dir.keys, keys, HEADING)
    return keys
