"""Waivers and overrides: which criteria may be excepted, by whom, until when, and what their end means."""
