"""Who and where: schools, districts, calendars, people's roles. The only room that reads directory files."""
