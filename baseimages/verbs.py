"""The verbs of tasks.py: each composes a few calls into the rooms and returns text to print."""
