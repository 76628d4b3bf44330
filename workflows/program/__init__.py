"""The Temporal shell of a program in waves: it carries state and timers, and decides nothing."""
