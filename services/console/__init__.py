"""The human door: its own projection of facts and readings, the exporter, and the commands people type. Advisory."""
