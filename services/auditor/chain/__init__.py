"""One chain of hashes a district: entered once, walked from outside, its heads signed and kept outside the database."""
