"""The verbs of tasks.py that read evidence and judge it: nothing is built here.

Each composes a few calls into the rooms and returns text to print, as `verbs` does.
"""
