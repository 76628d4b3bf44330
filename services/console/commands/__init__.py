"""What people type, one file a noun: school, district, gate, hold, decision, report."""
