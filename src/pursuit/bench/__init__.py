"""Measuring: the doctor, and the speed of trackers and runtimes on this machine."""
