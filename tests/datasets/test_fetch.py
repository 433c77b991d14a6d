from __future__ import annotations

import hashlib
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pooch
import pytest
import requests

import scrna_longformer as sl
from scrna_longformer.datasets._fetch import fetch, shelf
from scrna_longformer.datasets._registry import DATASETS

FILE = "pbmc3k/pbmc_meta.rda"


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache, no data folder, and no network."""
    monkeypatch.delenv("SCRNA_LONGFORMER_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path / "cache")

    def fail(*_args, **_kwargs):
        msg = "no route to host"
        raise requests.exceptions.ConnectionError(msg)

    monkeypatch.setattr(requests, "get", fail)
    return tmp_path / "cache"


@pytest.fixture
def content(monkeypatch):
    """Replace the registered checksum of FILE by that of known bytes."""
    known = b"the registered bytes"
    real = pooch.Pooch.load_registry

    def load(self, path):
        real(self, path)
        self.registry[FILE] = hashlib.sha256(known).hexdigest()

    monkeypatch.setattr(pooch.Pooch, "load_registry", load)
    return known


def _put(folder: Path, content: bytes) -> Path:
    path = folder / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_no_network_and_no_file(cache):
    with pytest.raises(ConnectionError) as caught:
        sl.datasets.pbmc3k()
    message = str(caught.value)
    assert "https://raw.githubusercontent.com/hmumme/scToolbox/" in message
    assert "SCRNA_LONGFORMER_DATA" in message
    assert "scanpy.datasets.pbmc3k()" in message
    assert "no route to host" in message


def test_a_full_disk_is_not_called_a_network_fault(cache, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(requests, "get", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        fetch("pbmc3k", FILE)
    assert not isinstance(caught.value, ConnectionError)


def test_the_cache_serves_without_network(cache, content):
    path = _put(cache, content)
    assert fetch("pbmc3k", FILE) == path


def test_the_users_folder_comes_first(cache, content, tmp_path, monkeypatch):
    _put(cache, content)
    mine = _put(tmp_path / "mine", content)
    monkeypatch.setenv("SCRNA_LONGFORMER_DATA", str(tmp_path / "mine"))
    assert fetch("pbmc3k", FILE) == mine


def test_a_file_that_the_users_folder_lacks_comes_from_the_cache(
    cache, content, tmp_path, monkeypatch
):
    path = _put(cache, content)
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("SCRNA_LONGFORMER_DATA", str(tmp_path / "mine"))
    assert fetch("pbmc3k", FILE) == path


def test_other_bytes_in_the_users_folder_are_an_error(cache, content, tmp_path, monkeypatch):
    mine = _put(tmp_path / "mine", content + b"!")
    monkeypatch.setenv("SCRNA_LONGFORMER_DATA", str(tmp_path / "mine"))
    with pytest.raises(ValueError, match="not the registered one") as caught:
        fetch("pbmc3k", FILE)
    message = str(caught.value)
    assert str(mine) in message
    assert hashlib.sha256(content).hexdigest() in message
    assert hashlib.sha256(content + b"!").hexdigest() in message


def test_a_folder_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("SCRNA_LONGFORMER_DATA", str(tmp_path / "absent"))
    with pytest.raises(NotADirectoryError, match=r"SCRNA_LONGFORMER_DATA=.*absent"):
        fetch("pbmc3k", FILE)


def test_every_file_of_every_set_is_registered():
    registered = shelf()
    used = [file for about in DATASETS.values() for file in about.files]
    assert len(used) == len(set(used))
    assert set(used) == set(registered.registry)
    for file in used:
        assert len(registered.registry[file]) == 64
        # pinned: an address that names a commit gives the same bytes for ever
        parts = registered.get_url(file).removeprefix("https://raw.githubusercontent.com/")
        assert len(parts.split("/")[2]) == 40


@pytest.mark.data
def test_a_flipped_byte_is_found(tmp_path, monkeypatch):
    folder = sl.settings.data_dir
    shutil.copytree(folder / "paul15", tmp_path / "paul15")
    path = tmp_path / "paul15" / "paul15_cluster.h5ad"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setenv("SCRNA_LONGFORMER_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"paul15_cluster\.h5ad.*not the registered one"):
        sl.datasets.paul15()
    monkeypatch.setenv("SCRNA_LONGFORMER_DATA", str(folder))
    assert sl.datasets.paul15().shape == (2730, 3451)


@pytest.mark.data
def test_addresses_and_checksums_are_those_of_the_data_folder():
    import pandas as pd

    manifest = pd.read_csv(sl.settings.data_dir / "MANIFEST.tsv", sep="\t").set_index("file")
    registered = shelf()
    for file, checksum in registered.registry.items():
        assert manifest.loc[file, "sha256"] == checksum
        assert manifest.loc[file, "url"] == registered.get_url(file)


@pytest.fixture
def served(monkeypatch, tmp_path, content):
    """An empty cache, and a server on this machine in the place of the public address."""
    folder = tmp_path / "served"
    _put(folder, content)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/{FILE}"
    monkeypatch.setattr(pooch.Pooch, "get_url", lambda *_: address)
    monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path / "cache")
    monkeypatch.delenv("SCRNA_LONGFORMER_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_download_goes_to_the_cache(served, content, tmp_path):
    path = fetch("pbmc3k", FILE)
    assert path == tmp_path / "cache" / FILE
    assert path.read_bytes() == content


def test_a_download_of_other_bytes_is_refused(served, content, tmp_path):
    (served / FILE).write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"pbmc_meta\.rda.*does not match") as caught:
        fetch("pbmc3k", FILE)
    assert hashlib.sha256(content).hexdigest() in str(caught.value)
    assert not (tmp_path / "cache" / FILE).exists()


def test_an_address_that_is_gone(served):
    (served / FILE).unlink()
    with pytest.raises(ConnectionError, match="404"):
        fetch("pbmc3k", FILE)
