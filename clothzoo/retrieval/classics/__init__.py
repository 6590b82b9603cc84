"""What was used before neural networks: bags of visual words over SURF or SIFT features.

`VisualWords` turns photos into vectors that `clothzoo.similarity.Gallery` searches. It needs the
extra `baselines`.
"""

from __future__ import annotations

from clothzoo.retrieval.classics.visual_words import VisualWords

__all__ = ["VisualWords"]
