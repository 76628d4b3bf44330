"""Ladders and work items: what is escalated, when each rung is due, and what ends it."""
