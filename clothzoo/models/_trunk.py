"""A single-task architecture as the trunk of a multi-task network."""

from __future__ import annotations

from clothzoo.errors import ArchitectureNotFound
from clothzoo.models import architecture, list_models
from clothzoo.models._registry import Body


def trunk_body(trunk: str) -> Body:
    """The body of a single-task architecture.

    Args:
        trunk: its id.

    Raises:
        ArchitectureNotFound: there is none of that id, or it is itself a multi-task network.
    """
    body = architecture(trunk).body
    if body is None:
        single = [name for name in list_models() if architecture(name).body is not None]
        raise ArchitectureNotFound(
            f"trunk={trunk!r} is a multi-task network; choose one of {', '.join(single)}"
        )
    return body
