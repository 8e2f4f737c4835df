"""The toys are files for a copy of the package, not tests."""

collect_ignore_glob = ["toys/*"]
