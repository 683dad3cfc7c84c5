"""Hub models: from the cache, from a hub (a local server that speaks its protocol), and neither."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vprog.doctor import examine_toolbox
from vprog.errors import InputError
from vprog.tools.backends.hf import hub as hub_models
from vprog.tools.backends.hf.binding import open_backend, settings_class
from vprog.tools.toolboxes import load_toolbox

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(checkpoint, tmp_path: Path, monkeypatch) -> Iterator[str]:
    """Serves the tiny OWL-ViT as ``org/owl``, with a cache of its own; yields the hub's address."""
    folder = checkpoint("owlvit")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files["pytorch_model.bin"] = b"the same weights in a form that is not wanted"

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(True)

        def do_HEAD(self) -> None:
            self._reply(False)

        def _reply(self, body: bool) -> None:
            path = self.path.split("?")[0]
            headers = {"X-Repo-Commit": COMMIT}
            if path.startswith("/api/models/org/owl/tree/"):
                data = json.dumps(
                    [
                        {
                            "type": "file",
                            "path": n,
                            "size": len(d),
                            "oid": hashlib.sha1(d).hexdigest(),
                        }
                        for n, d in files.items()
                    ]
                ).encode()
            elif path.startswith("/api/models/org/owl"):
                siblings = [{"rfilename": n, "size": len(d)} for n, d in files.items()]
                data = json.dumps(
                    {"id": "org/owl", "modelId": "org/owl", "sha": COMMIT, "siblings": siblings}
                ).encode()
            elif path.startswith("/org/owl/resolve/") and path.split("/")[-1] in files:
                data = files[path.split("/")[-1]]
                headers["ETag"] = f'"{hashlib.sha1(data).hexdigest()}"'
            else:
                data = b"{}"
                headers["X-Error-Code"] = "RepoNotFound"
                self.send_response(404)
                self._finish(data, headers, body)
                return
            self.send_response(200)
            self._finish(data, headers, body)

        def _finish(self, data: bytes, headers: dict[str, str], body: bool) -> None:
            for key, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(key, value)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    _use(monkeypatch, tmp_path, address)
    yield address
    server.shutdown()
    server.server_close()
    thread.join()


def _use(monkeypatch, tmp_path: Path, address: str) -> None:
    from huggingface_hub import constants, hf_api

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(hf_api.api, "endpoint", address)


def detect(model: str, revision: str | None = None):
    settings = settings_class("detect", "t")(model=model, revision=revision)
    return open_backend("detect", settings, "t: detect")


def test_a_download_is_announced_and_then_kept(hub: str, capfd, tmp_path: Path) -> None:
    backend = detect("org/owl")
    said = capfd.readouterr().err
    assert "vprog: downloading org/owl (commit 0123456): " in said
    assert said.index("vprog: downloading") == 0
    assert backend.source.version == COMMIT
    assert backend.fingerprint.startswith(f"hf/1 detect OwlViTForObjectDetection@{COMMIT} ")
    assert not (backend.source.folder / "pytorch_model.bin").exists()
    backend.prepare()
    assert detect("org/owl", COMMIT).source.folder == backend.source.folder
    assert "downloading" not in capfd.readouterr().err


def test_doctor_says_what_would_be_downloaded(hub: str, tmp_path: Path) -> None:
    (tmp_path / "box.toml").write_text('base = "oracle"\ndetect = "org/owl"\n')
    findings = {f.name: f for f in examine_toolbox(str(tmp_path / "box.toml"))}
    assert findings["detect"].ok
    said = findings["detect"].text
    assert said.startswith("first use will download org/owl (commit 0123456): ")
    assert "MB" in said
    assert not list((tmp_path / "cache").glob("**/*.safetensors"))
    load_toolbox(str(tmp_path / "box.toml"))
    findings = {f.name: f for f in examine_toolbox(str(tmp_path / "box.toml"))}
    assert findings["detect"].text.startswith("org/owl, 0.")


def test_a_model_that_the_hub_does_not_have(hub: str) -> None:
    with pytest.raises(InputError, match="t: detect: the hub has no model 'org/other'"):
        detect("org/other")


def test_no_network(one_thread, tmp_path: Path, monkeypatch) -> None:
    _use(monkeypatch, tmp_path, "http://127.0.0.1:9")
    message = (
        r"t: detect: org/owl is not on this machine and the hub cannot be reached "
        r"\(.*\). Run `hf download org/owl --revision abc` where there is a network"
    )
    with pytest.raises(InputError, match=message):
        detect("org/owl", "abc")


def test_offline_mode(one_thread, tmp_path: Path, monkeypatch) -> None:
    from huggingface_hub import constants

    _use(monkeypatch, tmp_path, "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="cannot be reached"):
        detect("org/owl")


def snapshot(cache: Path, name: str) -> Path:
    """An empty folder of a model's commit in a hub's cache."""
    root = cache / f"models--org--{name}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT)
    (root / "snapshots" / COMMIT).mkdir(parents=True)
    return root / "snapshots" / COMMIT


@pytest.mark.parametrize("online", [True, False])
def test_a_model_without_its_processor_is_fetched(
    online: bool, request: pytest.FixtureRequest, checkpoint, tmp_path: Path, monkeypatch
) -> None:
    if online:
        request.getfixturevalue("hub")
    else:
        _use(monkeypatch, tmp_path, "http://127.0.0.1:9")
    folder = snapshot(tmp_path / "cache", "owl")
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes((Path(checkpoint("owlvit")) / name).read_bytes())
    assert hub_models.cached("org/owl") is None
    if online:
        detect("org/owl").prepare()
        assert hub_models.cached("org/owl") == folder
    else:
        message = (
            r"as a whole \(.* lacks a processor and a tokenizer\) and the hub cannot be reached"
        )
        with pytest.raises(InputError, match=message):
            detect("org/owl")


def test_a_pipeline_is_here_when_all_of_its_parts_are(tmp_path: Path, monkeypatch) -> None:
    _use(monkeypatch, tmp_path, "http://127.0.0.1:9")
    folder = snapshot(tmp_path / "cache", "paint")
    index: dict[str, Any] = {
        "_class_name": "StableDiffusionInpaintPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "safety_checker": [None, None],
        "requires_safety_checker": False,
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"as a whole \(.* lacks unet\)"):
        hub_models.fetch_pipeline("org/paint", None, "t")
    for file in ("unet/config.json", "tokenizer/vocab.json"):
        (folder / file).parent.mkdir()
        (folder / file).write_text("{}")
    assert hub_models.cached("org/paint") is None, "unet has no weights"
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"")
    assert hub_models.cached("org/paint") == folder
    assert hub_models.fetch_pipeline("org/paint", None, "t") == folder


def test_files_of_a_pipelines_parts_are_counted(monkeypatch) -> None:
    names = ("model_index.json", "unet/config.json", "unet/w.safetensors", "unet/w.bin", "x.ckpt")
    files = [SimpleNamespace(rfilename=name, size=1_000_000) for name in names]
    info = SimpleNamespace(siblings=files, sha=COMMIT)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: info)
    download = hub_models.plan("org/paint", None, "t")
    assert (download.files, download.bytes) == (3, 3_000_000)
