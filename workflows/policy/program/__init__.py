"""How a program admits its schools in waves."""
