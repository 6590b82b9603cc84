"""Channels under a width multiplier."""

from __future__ import annotations

Branches = tuple[int, tuple[int, int], tuple[int, int], int]


def scaled(filters: int, width: float) -> int:
    """Channels under a width multiplier: a multiple of 4, at least 4."""
    return max(4, round(filters * width / 4) * 4)


def scaled_branches(channels: Branches, width: float) -> Branches:
    """The channels of an Inception module's branches under a width multiplier."""
    one, (reduced, wide), (double_reduced, double_wide), pooled = channels
    return (
        scaled(one, width),
        (scaled(reduced, width), scaled(wide, width)),
        (scaled(double_reduced, width), scaled(double_wide, width)),
        scaled(pooled, width),
    )
