"""Floor 2, decisions and waiting: no I/O, no wall clock, no randomness."""
