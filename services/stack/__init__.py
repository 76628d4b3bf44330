"""The servers and processes of one machine: find or fetch, start, watch, stop. Knows no school."""
