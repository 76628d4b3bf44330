"""The beta, first sessions and assessment round trips, as readings. Holds aggregates only; knows no gate."""
