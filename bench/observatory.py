"""The grades of the site's HTTP headers by MDN's HTTP Observatory, whose scanner runs locally, over TLS.

The scanner needs Node.js, which nothing else here needs, so this bench runs only when it is named:
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
from bench.harness.rounds import Goal, goal_at_least, print_result
from bench.harness.servers import SITE, collect_static_files, serve

SCANNER = "node_modules/@mdn/mdn-http-observatory"
PAGES = {"home": "home", "sign_in": "account_login"}
# A+ with all bonus points.
SCORE = 125


def main() -> None:
    scanner = Path(os.environ.get("OBSERVATORY", "")) / SCANNER
    if not scanner.is_dir():
        raise SystemExit(__doc__)
    skip_preload_list(scanner)
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    with (
        create_certificate() as (chain, key),
        collect_static_files(),
        serve(SITE, WEB_WORKERS="1") as site,
        tls.serve_tls(site, chain=chain, key=key) as address,
    ):
        here = f"localhost:{address.port}"
        results = {name: scan(scanner, here + reverse(page), chain) for name, page in PAGES.items()}
    print_result(
        "observatory", {name: judge_score(scan_result) for name, scan_result in results.items()}, scans=results
    )


def skip_preload_list(scanner: Path) -> None:
    """Give the scanner an empty HSTS preload list, or else it would download the real one. Our host is not on it."""
    preload_list = scanner / "conf" / "hsts-preload.json"
    if not preload_list.exists():
        preload_list.write_text("{}")


@contextmanager
def create_certificate() -> Iterator[tuple[Path, Path]]:
    """Create a self-signed certificate for localhost, and yield the files of the certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    unencrypted = serialization.NoEncryption()
    with tempfile.TemporaryDirectory() as folder:
        chain, secret = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
        )
        yield chain, secret


def scan(scanner: Path, url: str, chain: Path) -> dict[str, Any]:
    """Return grade, score and failed tests of a page. Raises ``SystemExit`` if the scanner fails."""
    done = subprocess.run(
        ["node", "src/scan.js", url],
        cwd=scanner,
        env=os.environ | {"NODE_EXTRA_CA_CERTS": str(chain)},
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout or "{}")
    if "scan" not in result:
        raise SystemExit(f"The scanner failed: {result.get('error', done.stderr)}")
    failed = [name for name, test in result["tests"].items() if test["pass"] is False]
    return {"grade": result["scan"]["grade"], "score": result["scan"]["score"], "failed": failed}


def judge_score(result: dict[str, Any]) -> Goal:
    """Compare the score of a page with the goal."""
    return goal_at_least(SCORE, [result["score"]])


if __name__ == "__main__":
    main()
