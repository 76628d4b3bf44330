"""Gathers the rooms' commands by entry point; imports none of them."""
