"""A TLS proxy in front of a server: it decrypts and forwards bytes without changing them."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.harness.servers import Address, find_free_port


@contextmanager
def serve_tls(server: Address, *, chain: Path, key: Path) -> Iterator[Address]:
    """Serve TLS with this certificate until the block ends, and yield the address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    front, ready, stopped = Address("127.0.0.1", find_free_port()), threading.Event(), threading.Event()

    async def serve() -> None:
        async with await asyncio.start_server(build_handler(server), *front, ssl=context):
            ready.set()
            await asyncio.to_thread(stopped.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield front
    finally:
        stopped.set()
        thread.join()


def build_handler(server: Address):  # type: ignore[no-untyped-def]
    """Return the callback for each connection, which forwards it to the server."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*server)
        await asyncio.gather(copy_stream(reader, server_writer), copy_stream(server_reader, writer))

    return forward


async def copy_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the reader ends or the writer is closed."""
    with closing(writer):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
