"""Data sets: labelled videos and stills, one reader a layout."""
