"""What a network sees: heat maps, feature maps, and what its layers are worth.

Keras is loaded when a function is first used, and matplotlib and scikit-learn (the extra
`explain`) where one needs them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
