"""TLS in front of a server, as a proxy ends it: bytes are passed on as they come, and nothing else is done."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.harness.servers import Address, free_port


@contextmanager
def in_front_of(server: Address, *, chain: Path, key: Path) -> Iterator[Address]:
    """Give the address that speaks TLS with this certificate, until the block ends."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    front, ready, over = Address("127.0.0.1", free_port()), threading.Event(), threading.Event()

    async def serve() -> None:
        async with await asyncio.start_server(forwarder(server), *front, ssl=context):
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield front
    finally:
        over.set()
        thread.join()


def forwarder(server: Address):  # type: ignore[no-untyped-def]
    """What is done with each connection."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*server)
        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))

    return forward


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until one side is closed."""
    with closing(writer):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
