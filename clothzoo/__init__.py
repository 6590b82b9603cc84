"""clothzoo: the Keras model zoo for clothing.

A photo of a garment goes in; out come its class, its attributes, and the garments that look
like it. Importing this module is cheap: a public name, all of which `__init__.pyi` lists, is
loaded when it is first used, and Keras with it only where the name needs Keras.
"""

import lazy_loader

from clothzoo import _keras_hook
from clothzoo._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_keras_hook.install()
