"""The demo: real schools walk four gates by the public commands alone. It knows no room, only the command line."""
