"""What goes out with a model: licence, pictures, exported sub-folders; tags, pull requests; cards that are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from udsd import export
from udsd.errors import ConfigError, PublishError
from udsd.inference import openvino_backend
from udsd.models import DeblurModel
from udsd.pretrained import load_model_folder, publish_model, resolve, save_model
from udsd.pretrained.contents import EXPORTS

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPO = "me/plates"
CARD = "---\nlicense: apache-2.0\nlibrary_name: udsd\n---\n\n# Plates\n"


@pytest.fixture
def writable(hub: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Hub that takes uploads of whoever is logged in, as we are, and a model with a card."""
    (model_folder / "README.md").write_text(CARD)
    hub.writer = "hf_writer"
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    return hub


def sent(hub: Any, branch: str = "main") -> set[str]:
    folder = hub.root / REPO / branch
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


MODEL = {"README.md", "config.json", "model.safetensors"}


def test_licence_and_the_pictures_of_the_card_go_out_and_no_other(writable: Any, model_folder: Path) -> None:
    (model_folder / "LICENSE").write_text("Take it.")
    (model_folder / "pictures").mkdir()
    for name in ("shown.png", "pictures/in html.jpg", "private.png", "in_code.png"):
        Image.new("RGB", (8, 8)).save(model_folder / name)
    (model_folder / "README.md").write_text(
        CARD + '![before and after](shown.png "caption")\n<img width=300 src="pictures/in%20html.jpg">\n'
        "![elsewhere](https://example.com/x.png)\n[a link](private.png)\n```\n![as code](in_code.png)\n```\n"
    )
    publish_model(model_folder, REPO)
    assert sent(writable) == MODEL | {"LICENSE", "shown.png", "pictures/in html.jpg"}
    published = writable.root / REPO / "main"
    assert (published / "shown.png").read_bytes() == (model_folder / "shown.png").read_bytes()
    assert (published / "LICENSE").read_text() == "Take it."


def test_the_estimator_of_blur_goes_out(writable: Any, model_folder: Path) -> None:
    (model_folder / "blur.safetensors").write_bytes(b"of a blur")
    publish_model(model_folder, REPO)
    assert sent(writable) == MODEL | {"blur.safetensors"}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("![x](missing.png)", r"the card shows missing.png, but .* cannot be read \(No such file"),
        ("![x](../outside.png)", "the card shows ../outside.png, which is outside of the model folder"),
        ("![x](/etc/passwd)", "the card shows /etc/passwd, which is outside of the model folder"),
        ('<IMG SRC="config.json">', "the card shows config.json, which is no picture; give one of .gif"),
    ],
)
def test_what_the_card_shows_must_be_there(writable: Any, model_folder: Path, written: str, message: str) -> None:
    (model_folder / "README.md").write_text(CARD + written)
    with pytest.raises(PublishError, match=message):
        publish_model(model_folder, REPO)
    assert writable.requests == []


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("license: [apache", "while parsing a flow sequence"),
        ("- a list", "repo card metadata block should be a dict"),
        ("language: English", "language is 'English'; give a code such as en"),
        ("language: no", "language is False; give a text or a list of texts"),
        ("tags: [1]", r"tags is \[1\]; give a text or a list of texts"),
        ("license: other", "license is other, without a license_name; name it"),
        ("license: 3", "license is 3; give a text"),
        ("model-index: [{name: x}]", "Invalid `model_index` in metadata cannot be parsed"),
        (
            "model-index: [{name: x, results: [{task: {type: image-to-image}, dataset: {type: x, name: x}, "
            "metrics: [{type: psnr, value: .nan}]}]}]",
            "psnr in model-index is nan; give a finite number",
        ),
    ],
)
def test_wrong_metadata_is_told_before_anything_is_sent(
    writable: Any, model_folder: Path, metadata: str, message: str
) -> None:
    (model_folder / "README.md").write_text(f"---\n{metadata}\n---\n\n# Plates\n")
    with pytest.raises(
        PublishError, match=rf"the metadata of .*README.md is not valid: .*{message}.*; correct"
    ) as told:
        publish_model(model_folder, REPO)
    assert "\n" not in str(told.value)
    assert writable.requests == []


def test_a_licence_that_is_missing_is_refused_and_none_at_all_is_warned_of(
    writable: Any, model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    card = model_folder / "README.md"
    card.write_text("---\nlicense: other\nlicense_name: mine\nlicense_link: TERMS.txt\n---\n")
    with pytest.raises(PublishError, match=r"the card names TERMS.txt as the licence, but .* cannot be read"):
        publish_model(model_folder, REPO)
    assert writable.requests == []
    (model_folder / "TERMS.txt").write_text("Ask me.")
    publish_model(model_folder, REPO)
    assert sent(writable) == MODEL | {"TERMS.txt"}
    assert not caplog.records
    card.write_text("---\nlibrary_name: udsd\n---\n# Plates\n")
    publish_model(model_folder, REPO)
    assert "the card names no licence" in caplog.text


def test_messages_are_as_documented(writable: Any, model_folder: Path, as_documented: Callable[..., str]) -> None:
    card = model_folder / "README.md"

    def told(**options: Any) -> str:
        with pytest.raises(PublishError) as caught:
            publish_model(model_folder, REPO, **options)
        return as_documented(caught.value, FOLDER=model_folder)

    assert told(create_pr=True).startswith("https://huggingface.co has no model")
    publish_model(model_folder, REPO, tag="v0.1.0")
    assert told(tag="v0.1.0").startswith("me/plates has a tag")
    assert told(create_pr=True, revision="v2").startswith("me/plates has no such branch")
    card.write_text(CARD + "![x](missing.png)")
    assert told().startswith("the card shows missing.png, but FOLDER")
    card.write_text("---\nlanguage: English\n---\n")
    assert told().startswith("the metadata of FOLDER/README.md is not valid")


def test_a_card_that_is_no_text_is_refused(writable: Any, model_folder: Path) -> None:
    (model_folder / "README.md").write_bytes(b"\xff\xfe")
    with pytest.raises(PublishError, match=r"is no text in UTF-8 .*; correct it"):
        publish_model(model_folder, REPO)
    assert writable.requests == []


def test_the_card_names_the_repository(writable: Any, model_folder: Path) -> None:
    (model_folder / "README.md").write_text(CARD + 'Deblurrer.from_pretrained("ORG/REPO")\n')
    publish_model(model_folder, REPO)
    assert f'from_pretrained("{REPO}")' in (writable.root / REPO / "main" / "README.md").read_text()
    assert "ORG/REPO" in (model_folder / "README.md").read_text()


def test_exported_sub_folders_go_out(writable: Any, model_folder: Path, make_model: Callable[..., DeblurModel]) -> None:
    pytest.importorskip("openvino")
    export.export_openvino(load_model_folder(model_folder), model_folder / "openvino")
    (model_folder / "openvino" / "notes.txt").write_text("mine")
    save_model(make_model(seed=3), model_folder / "earlier")  # no export
    publish_model(model_folder, REPO)
    files = {f"openvino/{name}" for name in ("config.json", "openvino_model.xml", "openvino_model.bin")}
    assert sent(writable) == MODEL | files
    for name in files:
        assert (writable.root / REPO / "main" / name).read_bytes() == (model_folder / name).read_bytes()
    (model_folder / "openvino" / "openvino_model.bin").unlink()
    with pytest.raises(PublishError, match=r"holds an exported model, but .*openvino_model.bin cannot be read"):
        publish_model(model_folder, REPO)


def test_an_export_of_another_model_is_refused(
    writable: Any, model_folder: Path, make_model: Callable[..., DeblurModel]
) -> None:
    onnx = model_folder / "onnx"
    save_model(make_model(base_width=8), onnx)
    (onnx / "model.onnx").write_bytes(b"graph")
    with pytest.raises(PublishError, match="onnx was exported from another model than that of"):
        publish_model(model_folder, REPO)
    (onnx / "config.json").write_text("{}")
    with pytest.raises(PublishError, match=r"onnx cannot be published: .* has no format_version"):
        publish_model(model_folder, REPO)
    shutil.copy(model_folder / "config.json", onnx)
    publish_model(model_folder, REPO)
    assert sent(writable) == MODEL | {"onnx/config.json", "onnx/model.onnx"}


def test_the_names_of_exported_files_are_those_of_the_export() -> None:
    weights = openvino_backend.GRAPH_FILE.replace(".xml", ".bin")
    assert ((export.ONNX_FILE,), (openvino_backend.GRAPH_FILE, weights)) == EXPORTS


def test_a_tag_stays_while_the_branch_goes_on(
    writable: Any, model_folder: Path, make_model: Callable[..., DeblurModel]
) -> None:
    publish_model(model_folder, REPO, tag="v0.1.0")
    first = (model_folder / "model.safetensors").read_bytes()
    save_model(make_model(seed=5), model_folder)
    before = len(writable.messages)
    with pytest.raises(PublishError, match=r"me/plates has a tag v0.1.0 already, and a tag stays what it is"):
        publish_model(model_folder, REPO, tag="v0.1.0")
    assert len(writable.messages) == before, "the commit was made, and only then the tag refused"
    publish_model(model_folder, REPO)
    for revision, expected in (("v0.1.0", first), (None, (model_folder / "model.safetensors").read_bytes())):
        assert (resolve(REPO, revision=revision).path / "model.safetensors").read_bytes() == expected


@pytest.mark.parametrize("tag", ["main", "a b", "", 3])
def test_what_is_no_tag_is_refused(writable: Any, model_folder: Path, tag: Any) -> None:
    with pytest.raises(ConfigError, match=r"tag is .*; give letters"):
        publish_model(model_folder, REPO, tag=tag)
    assert writable.requests == []


def test_a_pull_request(writable: Any, model_folder: Path) -> None:
    publish_model(model_folder, REPO)
    shutil.rmtree(writable.root / REPO / "main")
    address = publish_model(model_folder, REPO, create_pr=True, commit_message="Better", commit_description="By 2 dB.")
    assert address == f"{writable.url}/{REPO}/discussions/1"
    assert writable.messages[-1] == "Better\n\nBy 2 dB."
    assert sent(writable, "refs/pr/1") == MODEL
    assert sent(writable) == set()
    with pytest.raises(ConfigError, match="a pull request has no tag"):
        publish_model(model_folder, REPO, create_pr=True, tag="v2")


@pytest.mark.parametrize(("private", "is_private"), [(True, True), (False, False), (None, False)])
def test_visibility_is_what_was_said(writable: Any, model_folder: Path, private: bool | None, is_private: bool) -> None:
    publish_model(model_folder, REPO, private=private)
    assert (REPO in writable.private) == is_private


def test_no_token_at_all_is_told(writable: Any, model_folder: Path) -> None:
    with pytest.raises(PublishError, match="publishing needs a token that may write"):
        publish_model(model_folder, REPO, token=False)
    assert writable.requests == []
