"""Keras layers of the clothing networks, registered with Keras under the package `clothzoo`.

All take and give 4-D feature maps, in `channels_last` (N, H, W, C) or `channels_first`
(N, C, H, W), pass their dtype policy down to every inner layer, and rebuild from their config.
"""

from __future__ import annotations

from clothzoo.layers.batch_norm import (
    FusedBatchNormalization,
    InferenceBatchNormalization,
)
from clothzoo.layers.conv_bn import ConvBN
from clothzoo.layers.cross_stitch import CrossStitch
from clothzoo.layers.inception import InceptionModule
from clothzoo.layers.inception_residual import InceptionResidualBlock
from clothzoo.layers.normalization import L1Normalization
from clothzoo.layers.pooling import GeMPooling2D, GridAveragePooling2D
from clothzoo.layers.residual import ResidualBlock

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
