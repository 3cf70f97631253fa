"""Protocols: how trackers are run to be judged."""
