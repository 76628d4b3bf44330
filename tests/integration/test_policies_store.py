"""Policies on real servers: stored once by digest, never changed, published."""

import asyncio
from datetime import UTC, datetime

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.gate import PolicyDocument, PolicyStored
from schemas.model import digest_of
from schemas.topics import POLICIES
from services.kit.database import connect
from services.kit.outcome import PermanentError
from services.kit.process import Process
from services.kit.settings import Settings
from services.policies import store
from services.policies.loader import load
from services.policies.room import DEFAULT, prepare
from tests.harness.until import until

pytestmark = pytest.mark.stack


def default_policy() -> PolicyDocument:
    document = load(DEFAULT.read_text("utf-8"))
    assert isinstance(document, PolicyDocument)
    return document


async def test_preparation_stores_the_default_once(stack: Settings) -> None:
    await prepare(stack)
    await prepare(stack)
    connection = await connect(stack, "policies")
    try:
        found = await store.find(connection, "default")
        listed = await store.listed(connection)
    finally:
        await connection.close()
    assert found is not None
    assert found.document == default_policy()
    assert sum(one.name == "default" for one in listed) == 1


async def test_a_stored_version_never_changes(stack: Settings) -> None:
    await prepare(stack)
    other = default_policy().model_copy(update={"title": "Another title"})
    connection = await connect(stack, "policies")
    try:
        with pytest.raises(PermanentError, match="raise `version`"):
            async with connection.transaction():
                await store.store(connection, other, datetime.now(UTC))
        newer = other.model_copy(update={"version": 2})
        async with connection.transaction():
            digest, new = await store.store(connection, newer, datetime.now(UTC))
            found = await store.find(connection, "default")
            by_digest = await store.find(connection, digest_of(default_policy()))
            await connection.execute("delete from document where digest = $1", digest)
            await connection.execute("delete from outbox where convert_from(key, 'utf8') = $1", digest)
    finally:
        await connection.close()
    assert new
    assert found is not None
    assert found.digest == digest
    assert by_digest is not None
    assert by_digest.document.version == 1


async def test_a_document_that_was_changed_in_the_database_is_refused(stack: Settings) -> None:
    await prepare(stack)
    connection = await connect(stack, "policies")
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "update document set content = convert_to(replace(convert_from(content, 'utf8'), '0.98', '0.08'), 'utf8')"
        )
        with pytest.raises(PermanentError, match="was changed"):
            await store.find(connection, "default")
        await transaction.rollback()
    finally:
        await connection.close()


async def test_a_stored_policy_is_published_under_its_digest(stack: Settings) -> None:
    await prepare(stack)
    process = Process("policies", stack)
    running = asyncio.create_task(process.run())

    async def empty() -> bool:
        connection = await connect(stack, "policies")
        try:
            return not await connection.fetchval("select exists (select from outbox)")
        finally:
            await connection.close()

    try:
        await until(empty, what="an empty outbox")
    finally:
        process.stop()
        await running
    digest = digest_of(default_policy())
    consumer = Consumer(
        {"bootstrap.servers": stack.kafka_bootstrap, "group.id": "test-policies", "enable.auto.commit": False}
    )
    try:
        consumer.assign([TopicPartition(POLICIES.name, 0, OFFSET_BEGINNING)])
        while (record := consumer.poll(20)) is not None and record.key() != digest.encode():
            pass
    finally:
        consumer.close()
    assert record is not None, f"expected {digest} on {POLICIES.name}, seen no more records"
    value = record.value()
    assert value is not None
    stored = PolicyStored.model_validate_json(value)
    assert digest_of(stored.document) == stored.digest == digest
