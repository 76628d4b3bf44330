"""The only place Kafka meets Temporal: readings in, facts out, and the worker that decides."""
