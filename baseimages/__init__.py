"""Builds, tests, scans, measures and reports a family of edge AI container base images."""

__version__ = "0.1.0"
