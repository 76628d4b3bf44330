"""Plumbing shared by every service: Kafka, PostgreSQL, outcomes, settings. Knows no school.

A room states a `Subscription` (topics, decoder, handler) and awaits a `Process`. Each polled batch becomes one
PostgreSQL transaction that holds the offsets fence, what the handler wrote, its outbox, its dead letters and its
parked records; so each record has exactly one effect, whatever dies when:

    consume -> ingest -> fence, batch (handler) -> outbox -> relay -> Kafka

`process` runs it, with sweeps, `endpoint`, `gauges` and `metrics`; `migrations` and `tables` make the room's
schema; `deadletters`, `lag`, `cli` and `terminal` serve operators. A handler answers one `Disposition` (or `Dead`) for each
record; what must be tried again is `TemporaryError`, what no retry can help is `PermanentError`.
"""
