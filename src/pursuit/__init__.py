"""Follow any object through video from one box in the first frame."""

__version__ = "0.1.0"
