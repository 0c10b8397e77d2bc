"""What the family is, as its maintainers wrote it down.

Enters: `images.toml`, Dockerfiles, the checkout's revision. Leaves: `Family` with its `Image`s and
`BaseFamily`s, a parsed `Dockerfile`, a `Revision`. Reads files and asks git; decides nothing.
A new image is a new entry in `images.toml` and a folder with a Dockerfile, nothing here.
"""

from baseimages.declare.dockerfile import (
    HEADER_FIELDS,
    Dockerfile,
    GlobalArg,
    HeaderField,
    Instruction,
    Stage,
    expand,
    load_dockerfile,
    parse_dockerfile,
)
from baseimages.declare.family import (
    ALL_VARIANTS,
    AUTO,
    BaseFamily,
    Bootstrap,
    Family,
    baseline_of,
    load_family,
    render_schema,
)
from baseimages.declare.gates import Budget, Loss
from baseimages.declare.history import History
from baseimages.declare.image import Accelerator, Image, Platform, TorchIndex, TorchSource
from baseimages.declare.inputs import list_inputs
from baseimages.declare.names import quote_word, unknown_word
from baseimages.declare.revision import Revision, load_revision
from baseimages.declare.scenarios import NEW_WORD, Edit, EditScenario

__all__ = [
    "Family",
    "Image",
    "BaseFamily",
    "Bootstrap",
    "Budget",
    "Loss",
    "Platform",
    "Accelerator",
    "ALL_VARIANTS",
    "AUTO",
    "TorchIndex",
    "TorchSource",
    "baseline_of",
    "load_family",
    "render_schema",
    "Dockerfile",
    "Stage",
    "Instruction",
    "HeaderField",
    "GlobalArg",
    "HEADER_FIELDS",
    "parse_dockerfile",
    "load_dockerfile",
    "expand",
    "History",
    "list_inputs",
    "Revision",
    "load_revision",
    "Edit",
    "EditScenario",
    "NEW_WORD",
    "unknown_word",
    "quote_word",
]
