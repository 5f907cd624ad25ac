"""What MDN's HTTP Observatory says of the site's head, without asking MDN: its scanner runs here, over TLS.

The scanner is a program for Node.js, which nothing else here needs, so it is not among the benches that run unasked:
``npm install --ignore-scripts --prefix DIRECTORY @mdn/mdn-http-observatory@1.4.8``, then
``OBSERVATORY=DIRECTORY make bench ARGS=observatory``.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.management import call_command
from django.urls import reverse

from bench.harness import tls
from bench.harness.rounds import Goal, at_least, print_result
from bench.harness.servers import SITE, serve, static_files

SCANNER = "node_modules/@mdn/mdn-http-observatory"
PAGES = {"home": "home", "sign_in": "account_login"}
# A+, with the points for what no test asks for.
SCORE = 125


def main() -> None:
    scanner = Path(os.environ.get("OBSERVATORY", "")) / SCANNER
    if not scanner.is_dir():
        raise SystemExit(__doc__)
    without_lists(scanner)
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    with (
        certificate() as (chain, key),
        static_files(),
        serve(SITE, WEB_WORKERS="1") as site,
        tls.in_front_of(site, chain=chain, key=key) as address,
    ):
        here = f"localhost:{address.port}"
        results = {name: scan(scanner, here + reverse(page), chain) for name, page in PAGES.items()}
    print_result("observatory", {name: goal(scan_result) for name, scan_result in results.items()}, scans=results)


def without_lists(scanner: Path) -> None:
    """Give the scanner an empty list of preloaded hosts, where it would load the real one: ours is on none."""
    listed = scanner / "conf" / "hsts-preload.json"
    if not listed.exists():
        listed.write_text("{}")


@contextmanager
def certificate() -> Iterator[tuple[Path, Path]]:
    """Files of a certificate for this machine, which vouches for itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    with tempfile.TemporaryDirectory() as folder:
        chain, secret = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        yield chain, secret


def scan(scanner: Path, place: str, chain: Path) -> dict[str, Any]:
    """The grade, the score and the failed tests of one page. Raises ``SystemExit`` when the scanner says neither."""
    done = subprocess.run(
        ["node", "src/scan.js", place],
        cwd=scanner,
        env=os.environ | {"NODE_EXTRA_CA_CERTS": str(chain)},
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout or "{}")
    if "scan" not in result:
        raise SystemExit(f"The scanner broke: {result.get('error', done.stderr)}")
    failed = [name for name, test in result["tests"].items() if test["pass"] is False]
    return {"grade": result["scan"]["grade"], "score": result["scan"]["score"], "failed": failed}


def goal(result: dict[str, Any]) -> Goal:
    """Judge one page's score."""
    return at_least(SCORE, [result["score"]])


if __name__ == "__main__":
    main()
