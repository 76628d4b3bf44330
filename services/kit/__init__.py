"""Plumbing shared by every service: Kafka, PostgreSQL, outcomes, settings. Knows no school."""
