"""Measures: arrays in, numbers out; no files, no plots."""
