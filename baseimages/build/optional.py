"""Parts that an image can do without, left out where their host cannot be reached."""

from __future__ import annotations

import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from baseimages.declare import Image, load_dockerfile

REACH_S = 6.0
# A server that knows the file and dislikes HEAD is there; a proxy's refusal is another answer.
ANSWERS_ALL_THE_SAME = {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}


def leave_out_unreachable(image: Image, root: Path) -> tuple[tuple[str, str], ...]:
    """Build arguments that leave out each optional part whose host does not answer."""
    values = load_dockerfile(root / image.dockerfile).values({})
    return tuple(
        (argument, "0")
        for argument, url_argument in sorted(image.optional.items())
        if not _answers(values[url_argument])
    )


def _answers(url: str) -> bool:
    try:
        request = urllib.request.Request(url, method="HEAD")
        with urllib.request.urlopen(request, timeout=REACH_S):
            return True
    except urllib.error.HTTPError as error:
        return error.code in ANSWERS_ALL_THE_SAME
    except (OSError, ValueError, HTTPException):
        return False
