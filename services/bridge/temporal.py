"""How the bridge and the worker reach Temporal, and what Temporal must know before a school starts."""

import asyncio
from datetime import timedelta

import structlog
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from services.kit.settings import Settings
from workflows.school.messages import SEARCH_ATTRIBUTES

RETRY_SECONDS_MAX = 5.0
"""Longest pause between two tries to connect. Our judgement, 2026-11-23."""
PATIENCE = timedelta(seconds=10)
"""For one answer of Temporal's operator service. Our judgement, 2026-11-23."""


async def connect(settings: Settings, *, runtime: Runtime | None = None, lazy: bool = False) -> Client:
    """A client of our namespace. `lazy`: connects at the first call. Raises RuntimeError while Temporal is away."""
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=pydantic_data_converter,
        runtime=runtime,
        lazy=lazy,
    )


async def connect_patiently(settings: Settings, stopping: asyncio.Event, *, runtime: Runtime) -> Client | None:
    """Tries until Temporal answers. None: told to stop before it did."""
    log = structlog.get_logger()
    tries = 0
    while not stopping.is_set():
        try:
            return await connect(settings, runtime=runtime)
        except (RuntimeError, RPCError) as error:
            tries += 1
            pause = min(0.2 * 2**tries, RETRY_SECONDS_MAX)
            log.warning("temporal-away", address=settings.temporal_address, attempt=tries, because=str(error)[:300])
            try:
                await asyncio.wait_for(stopping.wait(), pause)
            except TimeoutError:
                continue
    return None


async def register_search_attributes(settings: Settings) -> None:
    """Makes our search attributes known to the namespace, without which every workflow task would fail. Idempotent."""
    client = await connect(settings)
    namespace = settings.temporal_namespace
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace), timeout=PATIENCE
    )
    absent = [key.name for key in SEARCH_ATTRIBUTES if key.name not in known.custom_attributes]
    if not absent:
        return
    kind = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=namespace, search_attributes=dict.fromkeys(absent, kind)),
            timeout=PATIENCE,
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
