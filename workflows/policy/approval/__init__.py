"""Asks and approvals: what they cover, who may answer, by when, and when one lapses."""
