"""Trackers: init with boxes, update with frames; a registry of them."""
