"""The secrets of one data directory: made once, at the first start, readable by their owner only."""

import base64
import datetime
import secrets

from devservices import CannotStart, envfile
from devservices.data_dir import DataDir

HEADING = "Made by `make run`. Without FIELD_KEYS nothing sealed in this data directory can be read again."


def make() -> dict[str, str]:
    """Return fresh keys and passwords."""
    today = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": f"kek-{today}:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "PLAID_CLIENT_ID": secrets.token_hex(12),
        "PLAID_SECRET": secrets.token_hex(15),
        "ADMIN_PASSWORD": secrets.token_urlsafe(24),
        "OWNER_PASSWORD": secrets.token_urlsafe(24),
        "RW_PASSWORD": secrets.token_urlsafe(24),
        "OPS_PASSWORD": secrets.token_urlsafe(24),
        "VIEWER_PASSWORD": secrets.token_urlsafe(24),
    }


def ensure(data_dir: DataDir, *, has_data: bool) -> dict[str, str]:
    """Return the data directory's keys, making them when the data directory is new.

    Raises CannotStart when data are there and their keys are not: new keys could not read them.
    """
    if data_dir.keys.exists():
        return _with_new_roles(data_dir)
    if has_data:
        raise CannotStart(
            f"{data_dir.keys} is missing, but {data_dir.root} holds a database sealed with it. Put the file back from "
            "your backup, or delete the folder to start afresh."
        )
    keys = make()
    envfile.write(data_dir.keys, keys, HEADING)
    return keys


def _with_new_roles(data_dir: DataDir) -> dict[str, str]:
    # A data directory that is older than a role lacks its password. `setup_database` sets whatever stands here.
    known = envfile.read_env_file(data_dir.keys)
    keys = {"VIEWER_PASSWORD": secrets.token_urlsafe(24)} | known
    if keys != known:
        envfile.write(data_dir.keys, keys, HEADING)
    return keys
