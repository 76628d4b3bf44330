"""Sessions, modules, hand-outs and coaches, as readings. Knows teachers as hashes only, and no gate."""
