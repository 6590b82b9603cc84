"""Keras layers of the clothing networks, registered with Keras under the package `clothzoo`.

All take and give 4-D feature maps, in `channels_last` (N, H, W, C) or `channels_first`
(N, C, H, W), pass their dtype policy down to every inner layer, and rebuild from their config.
"""

from __future__ import annotations

from clothzoo.optional import require_keras

require_keras()

from clothzoo.layers.batch_norm import (  # noqa: E402
    FusedBatchNormalization,
    InferenceBatchNormalization,
)
from clothzoo.layers.conv_bn import ConvBN  # noqa: E402
from clothzoo.layers.cross_stitch import CrossStitch  # noqa: E402
from clothzoo.layers.inception import InceptionModule  # noqa: E402
from clothzoo.layers.inception_residual import InceptionResidualBlock  # noqa: E402
from clothzoo.layers.normalization import L1Normalization  # noqa: E402
from clothzoo.layers.pooling import GeMPooling2D, GridAveragePooling2D  # noqa: E402
from clothzoo.layers.residual import ResidualBlock  # noqa: E402

__all__ = [
    "ConvBN",
    "CrossStitch",
    "FusedBatchNormalization",
    "GeMPooling2D",
    "GridAveragePooling2D",
    "InceptionModule",
    "InceptionResidualBlock",
    "InferenceBatchNormalization",
    "L1Normalization",
    "ResidualBlock",
]
