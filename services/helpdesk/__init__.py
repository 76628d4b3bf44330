"""Tickets, defects, friction items and service levels, as readings. Knows schools and releases, no gate."""
