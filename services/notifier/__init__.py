"""Tells people: escalations, asks and work become mails, chat messages and pages. It decides nothing."""
