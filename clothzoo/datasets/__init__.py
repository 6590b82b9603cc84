"""Data sets as plain records of picture and labels; nothing here needs Keras."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
