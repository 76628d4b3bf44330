"""What every domain service shares about schools: the register, parking, and the emission of readings."""
