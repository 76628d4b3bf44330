"""A program's evidence as a pack of files for a public-records request: no person, no pupil, and provable."""
