"""Look at the installation and at a file, and say what to do about each fault."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..pp._check_report import CheckItem
from ._demo import usable_cores
from ._lines import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a broken installation raises: a missing module or library, a binary of another version.
BREAKAGE = (ImportError, OSError, RuntimeError, AttributeError)
REINSTALL = "python -m pip install --force-reinstall --no-deps"
AGREEMENT = 1e-3  # probabilities of another device may differ from the CPU's by this much
LARGE_FILE = 2**30  # bytes; files above are judged by their first cells, without loading them


def examine(file: Path | None = None) -> bool:
    """Print a report; return whether nothing failed."""
    sound = [
        show_lines("Versions", versions()),
        show_lines("Clustering", [leidenalg(), igraph()]),
        show_lines("Devices", devices()),
        show_lines("Processor", [cpu_kernel(), threads()]),
        show_lines("Folders", folders()),
    ]
    if file is not None:
        sound.append(show_lines(f"File {file}", file_items(file)))
    click.echo("No fault found." if all(sound) else "There are faults: follow the arrows.")
    return all(sound)


def versions() -> Iterator[CheckItem]:
    """Compare every installed dependency with the version that this package asks for."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    yield CheckItem("scrna-longformer", "ok", version("scrna-longformer"))
    yield CheckItem("python", "ok", f"{platform.python_version()} on {platform.platform()}")
    for text in requires("scrna-longformer") or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        install = f"python -m pip install '{wanted.name}{wanted.specifier}'"
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            yield CheckItem(wanted.name, "fail", "not installed", install)
            continue
        if wanted.specifier.contains(found, prereleases=True):
            yield CheckItem(wanted.name, "ok", found)
        else:
            message = f"{found}, but {wanted.specifier} is needed"
            yield CheckItem(wanted.name, "fail", message, install)


def leidenalg() -> CheckItem:
    """Cluster two cliques with leidenalg."""
    mend = f"{REINSTALL} leidenalg igraph"
    try:
        import igraph as ig
        import leidenalg as la

        found = la.find_partition(_two_cliques(ig), la.ModularityVertexPartition, seed=0)
    except BREAKAGE as error:
        return _broken("leidenalg", "cannot cluster", error, mend)
    return _two_clusters("leidenalg", found.membership, mend)


def igraph() -> CheckItem:
    """Cluster two cliques with igraph's own Leiden, which Scanpy uses with flavor='igraph'."""
    mend = f"{REINSTALL} igraph"
    try:
        import igraph as ig

        found = _two_cliques(ig).community_leiden(objective_function="modularity")
    except BREAKAGE as error:
        return _broken("igraph", "cannot cluster", error, mend)
    return _two_clusters("igraph", found.membership, mend)


def devices() -> Iterator[CheckItem]:
    """Say which build of torch arrived, and run a tiny model on every device it can use."""
    try:
        import torch
    except BREAKAGE as error:
        yield _broken("torch", "cannot be imported", error, "python -m pip install torch")
        return
    yield _torch_build(torch)
    try:
        expected = _tiny_forward("cpu")
    except BREAKAGE as error:
        yield _broken("cpu", "cannot run the model", error, f"{REINSTALL} torch numba llvmlite")
        return
    yield CheckItem("cpu", "ok", "runs the model")
    names = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    names += ["mps"] if torch.backends.mps.is_available() else []
    for name in names:
        yield _device(name, expected)


def cpu_kernel() -> CheckItem:
    """Say which attention kernel serves the presets, and compare it with the reference."""
    try:
        chosen, gap, why_not = _tiny_attention()
    except BREAKAGE as error:
        return _broken("attention", "cannot run", error, f"{REINSTALL} numba llvmlite")
    if gap > AGREEMENT:
        message = f"backend {chosen!r} differs from the reference by {gap:.2g}"
        mend = "model_options={'attention_backend': 'gather'}, and report this machine"
        return CheckItem("attention", "fail", message, mend)
    if chosen == "numba":
        message = "backend 'numba' (vector kernel) compiles and equals the reference"
        return CheckItem("attention", "ok", message)
    message = f"backend {chosen!r} instead of the vector kernel: {why_not}"
    return CheckItem("attention", "warn", message, "nothing to mend: the same results, slower")


def threads() -> CheckItem:
    """Compare the threads that torch and numba use with the cores that this process may use."""
    try:
        import numba
        import torch

        used = {"torch": torch.get_num_threads(), "numba": int(numba.get_num_threads())}
    except BREAKAGE as error:
        return _broken("threads", "cannot be counted", error, f"{REINSTALL} torch numba")
    cores = usable_cores()
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    named = [f"{name}={os.environ[name]}" for name in variables if name in os.environ]
    message = f"{cores} usable cores; {', '.join(f'{k} uses {v}' for k, v in used.items())}"
    message += f" ({', '.join(named)})" if named else ""
    if max(used.values()) > cores:
        mend = f"more threads than cores slow each other down: set OMP_NUM_THREADS={cores}"
        return CheckItem("threads", "warn", message, mend)
    return CheckItem("threads", "ok", message)


def folders() -> Iterator[CheckItem]:
    """Look at the folder of downloads and at the folder of data sets that the user named."""
    import pooch

    from .._settings import DATA_VARIABLE, settings

    cache = Path(pooch.os_cache("scrna_longformer"))
    if _writable(cache):
        yield CheckItem("downloads", "ok", f"kept in {cache}")
    else:
        mend = "make it writable, or set XDG_CACHE_HOME to a folder of yours"
        yield CheckItem("downloads", "fail", f"cannot be kept in {cache}", mend)
    folder = settings.data_dir
    if folder is None:
        message = f"{DATA_VARIABLE} is not set: sets are downloaded when asked for"
        yield CheckItem("data sets", "ok", message)
    elif folder.is_dir():
        yield CheckItem("data sets", "ok", f"read from {DATA_VARIABLE}={folder}")
    else:
        mend = "correct the variable, or unset it to download data sets"
        message = f"{DATA_VARIABLE}={folder} is not a folder"
        yield CheckItem("data sets", "fail", message, mend)


def file_items(file: Path) -> Iterator[CheckItem]:
    """Read a file and check what is in it."""
    if not file.is_file():
        yield CheckItem("file", "fail", "there is no such file", "look at the path")
        return
    try:
        import anndata as ad

        large = file.stat().st_size > LARGE_FILE
        adata = ad.read_h5ad(file, backed="r" if large else None)
    except (*BREAKAGE, KeyError, ValueError) as error:
        mend = "write it again with adata.write_h5ad(path); it may be cut off or of another format"
        yield _broken("file", "cannot be read", error, mend)
        return
    from ..pp import check

    yield from check(adata).items


def _two_cliques(ig: Any) -> Any:
    clique = ig.Graph.Full(5)
    return clique.disjoint_union(clique)


def _two_clusters(name: str, membership: list[int], mend: str) -> CheckItem:
    left, right = set(membership[:5]), set(membership[5:])
    if len(left) == len(right) == 1 and left != right:
        return CheckItem(name, "ok", "finds the two clusters of two cliques")
    return CheckItem(name, "fail", f"puts two cliques into clusters {list(membership)}", mend)


def _torch_build(torch: Any) -> CheckItem:
    version = torch.__version__
    if torch.version.cuda is None and torch.version.hip is None:
        return CheckItem("torch", "ok", f"{version}, a build for the CPU (pip's index decides)")
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {torch.version.hip}"
    if torch.cuda.is_available():
        return CheckItem("torch", "ok", f"{version}, a build for {build}")
    message = f"{version}, a build for {build}, finds no such device: runs on the CPU"
    mend = "nothing, if this machine has no GPU; otherwise look at its driver with nvidia-smi"
    return CheckItem("torch", "warn", message, mend)


def _device(name: str, expected: Any) -> CheckItem:
    try:
        gap = float((_tiny_forward(name) - expected).abs().max())
    except BREAKAGE as error:
        return _broken(name, "cannot run the model", error, "accelerator='cpu' meanwhile")
    if gap > AGREEMENT:
        mend = "accelerator='cpu', and try another version of torch"
        return CheckItem(name, "fail", f"probabilities differ from the CPU's by {gap:.2g}", mend)
    return CheckItem(name, "ok", f"runs the model, equal to the CPU within {gap:.1g}")


def _tiny_forward(device: str) -> Any:
    """Class probabilities of three cells by a small fixed model."""
    import torch

    from ..graph import GeneGraph
    from ..nn import GeneLongformer, LongformerConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LongformerConfig.from_preset("small", n_genes=6, n_classes=3)
        model = GeneLongformer(config, GeneGraph.full(6)).eval().to(device)
    values = torch.linspace(0, 3, 18).reshape(3, 6).to(device)
    with torch.inference_mode():
        return model(values).logits.softmax(dim=-1).cpu()


def _tiny_attention() -> tuple[str, float, str]:
    """Backend of the default preset, its distance to the reference, and why it is not faster."""
    import torch

    from ..attention import knn_attention, resolve_backend
    from ..attention._cpu import why_not_vectors
    from ..graph import GeneGraph
    from ..nn import LongformerConfig

    config = LongformerConfig.from_preset("small", n_genes=8, n_classes=2)
    d, n_heads = config.d_model, config.n_heads
    chosen = resolve_backend("cpu", d_model=d, n_heads=n_heads, n_genes=config.n_genes)
    qkv = torch.sin(torch.arange(2 * 8 * 3 * d, dtype=torch.float32)).reshape(2, 8, 3 * d)
    graph = GeneGraph.full(8)
    found = knn_attention(qkv, graph, n_heads=n_heads, backend=chosen)
    reference = knn_attention(qkv, graph, n_heads=n_heads, backend="eager")
    gap = float((found - reference).abs().max())
    return chosen, gap, why_not_vectors(d, n_heads, torch.float32)


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself where it does not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _broken(name: str, what: str, error: BaseException, mend: str) -> CheckItem:
    return CheckItem(name, "fail", f"{what}: {type(error).__name__}: {error}", mend)
