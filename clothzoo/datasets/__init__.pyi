from . import clothing as clothing
from . import clothing_small as clothing_small
from . import fashion_mnist as fashion_mnist
from . import folder as folder
from . import rendered as rendered
from .photo import open_photo as open_photo
from .record import Record as Record
from .splits import folds as folds
