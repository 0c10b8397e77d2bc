"""An optional part is left out where its host does not answer, and only then."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from contextlib import nullcontext
from email.message import Message
from pathlib import Path

import pytest

from baseimages.build import leave_out_unreachable
from baseimages.declare import Image

URL = "https://host.example/thing-1.0.tgz"
DOCKERFILE = """ARG VERSION=1.0
ARG WITH_THING=1
ARG THING_URL=https://host.example/thing-${VERSION}.tgz
ARG WITH_OTHER=1
ARG OTHER_URL=https://other.example/file
FROM scratch
"""
IMAGE = Image.model_validate(
    {
        "name": "image_one",
        "environment_version": "1.0.0",
        "platform": "linux/amd64",
        "accelerator": "cpu",
        "targets": ["core"],
        "default_target": "core",
        "bases": ["tiny"],
        "suite": "image_testing/test-one.sh",
        "tags": ["{target}"],
        "optional": {"WITH_THING": "THING_URL"},
    }
)


class Web:
    """What each host answers: nothing (all is well) or an error."""

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}
        self.requests: list[urllib.request.Request] = []

    def open(self, request: urllib.request.Request, timeout: float) -> object:
        self.requests.append(request)
        assert timeout <= 10
        if request.host in self.errors:
            raise self.errors[request.host]
        return nullcontext()


def http_error(code: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError(URL, code, "no", Message(), None)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Web:
    (tmp_path / "image_one").mkdir()
    (tmp_path / "image_one" / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    web = Web()
    monkeypatch.setattr(urllib.request, "urlopen", web.open)
    return web


def test_a_part_whose_host_answers_stays(web: Web, tmp_path: Path) -> None:
    assert leave_out_unreachable(IMAGE, tmp_path) == ()


def test_the_very_file_is_asked_for_and_not_fetched(web: Web, tmp_path: Path) -> None:
    leave_out_unreachable(IMAGE, tmp_path)
    assert [(request.full_url, request.get_method()) for request in web.requests] == [(URL, "HEAD")]


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("name or service not known"),
        TimeoutError("timed out"),
        ConnectionResetError(),
        http.client.BadStatusLine("no HTTP"),
        http_error(403),
        http_error(404),
        http_error(407),
        http_error(503),
    ],
    ids=["no name", "no answer", "reset", "no HTTP", "refused", "not there", "a proxy's refusal", "broken"],
)
def test_a_part_that_cannot_be_had_is_left_out(web: Web, tmp_path: Path, error: Exception) -> None:
    web.errors["host.example"] = error
    assert leave_out_unreachable(IMAGE, tmp_path) == (("WITH_THING", "0"),)


@pytest.mark.parametrize("code", [405, 501])
def test_a_server_that_dislikes_the_question_is_there(web: Web, tmp_path: Path, code: int) -> None:
    web.errors["host.example"] = http_error(code)
    assert leave_out_unreachable(IMAGE, tmp_path) == ()


def test_each_part_is_decided_by_its_own_host(web: Web, tmp_path: Path) -> None:
    image = IMAGE.model_copy(update={"optional": {"WITH_THING": "THING_URL", "WITH_OTHER": "OTHER_URL"}})
    web.errors["other.example"] = TimeoutError()
    assert leave_out_unreachable(image, tmp_path) == (("WITH_OTHER", "0"),)


def test_an_image_without_optional_parts_asks_nobody(web: Web, tmp_path: Path) -> None:
    image = IMAGE.model_copy(update={"optional": {}})
    assert leave_out_unreachable(image, tmp_path) == ()
    assert not web.requests


def test_an_address_that_is_none_leaves_the_part_out(
    monkeypatch: pytest.MonkeyPatch, web: Web, tmp_path: Path
) -> None:
    text = DOCKERFILE.replace("https://host.example/thing-${VERSION}.tgz", "nonsense")
    (tmp_path / "image_one" / "Dockerfile").write_text(text, encoding="utf-8")
    assert leave_out_unreachable(IMAGE, tmp_path) == (("WITH_THING", "0"),)
