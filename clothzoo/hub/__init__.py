"""Weights that can be trusted: what is known of them, where they come from, how they get in.

`fill` is all that the models need of this package.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
