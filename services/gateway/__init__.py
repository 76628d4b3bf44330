"""The machine door: files and, later, webhooks of source systems become raw events. It decides nothing."""
