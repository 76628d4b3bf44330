"""Does a server answer? Asked as a client would ask; a process that merely lives is not healthy.

Called while the stack comes up, by `stack status` and by `doctor`.
"""

import asyncio
import socket
import time
import urllib.request
from collections.abc import Callable

import asyncpg
from kafka import KafkaAdminClient
from temporalio.service import ConnectConfig, ServiceClient

from services.stack.state import Running, Wanted

ASK_SECONDS = 5.0
"""Patience for one answer. Our judgement, 2026-11-23."""
DATABASE = "firstbell"


def dsn(address: str, database: str = DATABASE) -> str:
    """The DSN of the local cluster's only role."""
    return f"postgresql://firstbell@{address}/{database}"


async def _ask_postgres(address: str) -> None:
    connection = await asyncpg.connect(dsn(address, "postgres"), timeout=ASK_SECONDS)
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
            await connection.execute(f'create database "{DATABASE}"')
    finally:
        await connection.close()


def _ask_kafka(address: str) -> None:
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=ASK_SECONDS).close()  # the client would retry a refusal
    patience = int(ASK_SECONDS * 1000)
    admin = KafkaAdminClient(bootstrap_servers=address, bootstrap_timeout_ms=patience, request_timeout_ms=patience)
    try:
        admin.describe_cluster()
    finally:
        admin.close()


async def _ask_temporal(address: str) -> None:
    client = await ServiceClient.connect(ConnectConfig(target_host=address))
    await client.check_health()


def _ask_page(address: str) -> None:
    with urllib.request.urlopen(f"http://{address}/-/ready", timeout=ASK_SECONDS):
        pass


def _probe(name: str, address: str) -> Callable[[], None]:
    match name:
        case "postgres":
            return lambda: asyncio.run(asyncio.wait_for(_ask_postgres(address), ASK_SECONDS))
        case "kafka":
            return lambda: _ask_kafka(address)
        case "temporal":
            return lambda: asyncio.run(asyncio.wait_for(_ask_temporal(address), ASK_SECONDS))
        case _:
            return lambda: _ask_page(address)


def trouble(process: Running | Wanted, name: str | None = None) -> str | None:
    """None when the server answers; else what was seen, in words. Blocks up to 5 s. Creates our database."""
    name = name or process.name
    return trouble_at(name, process.addresses[name])


def trouble_at(name: str, address: str) -> str | None:
    """As `trouble`, for an address that may be another's."""
    try:
        _probe(name, address)()
    except Exception as error:  # noqa: BLE001 - every client library has its own family; any of them means "no answer"
        return f"{type(error).__name__}: {error}".strip().splitlines()[0]
    return None


def wait_healthy(wanted: Wanted, seconds: float, dead: Callable[[], str | None]) -> str | None:
    """None as soon as the server answers; else the last trouble, after `seconds` or when `dead` says why. Blocks."""
    deadline = time.monotonic() + seconds
    while (seen := trouble(wanted)) is not None:
        if (reason := dead()) is not None:
            return reason
        if time.monotonic() > deadline:
            return seen
        time.sleep(0.1)
    return None
