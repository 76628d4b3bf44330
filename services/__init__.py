"""Floor 3, everything that touches the world: one room a concern, strangers to one another."""
