"""Recomputes from outside what the others claim: decisions, sequences, counts, projections, pictures."""
