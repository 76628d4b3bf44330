"""A consumer as one writes it at first: `python -m tests.bench.plain HOME GROUP`.

FastStream's Confluent broker, one message a call, its model in the signature, a transaction and an acknowledgement for
each. It runs the same statements as the provisioning room on tables of the same form; it keeps no fence, no outbox and
no dead letters, and loses or doubles events when killed.
"""

import asyncio
import logging
import sys
from pathlib import Path

import asyncpg
from faststream import AckPolicy
from faststream.confluent import KafkaBroker

from schemas.events.provisioning import DeviceReported
from schemas.school import ScopeKind
from services.kit.settings import load_settings
from services.provisioning.devices import DeviceColumns
from services.readings import scopes
from services.readings.register import number_of
from services.readings.store import Thing

TOPIC = "bench.plain"
TELL_EVERY = 20


async def main(home: Path, group: str) -> None:
    settings = load_settings({"home": home})
    pool = await asyncpg.create_pool(
        settings.postgres_dsn, min_size=1, max_size=6, server_settings={"search_path": "bench_plain"}
    )
    broker = KafkaBroker(settings.kafka_bootstrap, logger=None, allow_auto_create_topics=False)
    devices, told, count = DeviceColumns(), home / "plain-count", 0

    @broker.subscriber(TOPIC, group_id=group, auto_offset_reset="earliest", ack_policy=AckPolicy.ACK)
    async def handle(event: DeviceReported) -> None:
        nonlocal count
        scope = (ScopeKind.SCHOOL, event.school_id)
        async with pool.acquire() as connection, connection.transaction():
            await devices.apply(connection, [Thing(event, b"", scope, number_of(event.school_id))])
            await scopes.mark(connection, {scope})
        count += 1
        if count % TELL_EVERY == 0:
            told.write_text(str(count), "utf-8")

    async with broker:
        await broker.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
