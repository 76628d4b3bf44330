"""Raw events, one module a publisher. Strict: an unknown field is refused."""
