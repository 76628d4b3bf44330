"""The Temporal shell of one school: it carries state and timers, and decides nothing."""
