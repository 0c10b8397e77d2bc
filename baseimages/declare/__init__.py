"""Declare: what the family is, as written down.

Enters: images.toml, Dockerfiles, requirements, git. Leaves: `Family`, `Dockerfile`, `Revision`.
"""

from baseimages.declare.dockerfile import Dockerfile, Stage, load_dockerfile, parse_dockerfile
from baseimages.declare.family import (
    BaseFamily,
    Bootstrap,
    Family,
    Image,
    load_family,
    nearest,
    render_schema,
)
from baseimages.declare.revision import Revision, load_revision

__all__ = [
    "BaseFamily",
    "Bootstrap",
    "Dockerfile",
    "Family",
    "Image",
    "Revision",
    "Stage",
    "load_dockerfile",
    "load_family",
    "load_revision",
    "nearest",
    "parse_dockerfile",
    "render_schema",
]
