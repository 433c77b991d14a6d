"""Look at the installation and at a file, and say what to do about each fault."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import click

from ._findings import Finding, show_all

# What a broken installation raises: a missing module or library, a binary of another version.
BREAKAGE = (ImportError, OSError, RuntimeError, AttributeError)
REINSTALL = "python -m pip install --force-reinstall --no-deps"
AGREEMENT = 1e-3  # probabilities of another device may differ from the CPU's by this much


def examine(file: Path | None = None) -> bool:
    """Print a report; return whether no fault was found."""
    sound = show_all("Versions", versions())
    sound &= show_all("Clustering", [leiden(), igraph_leiden()])
    sound &= show_all("Devices", devices())
    sound &= show_all("Attention on the CPU", [cpu_kernel()])
    sound &= show_all("Threads", [threads()])
    sound &= show_all("Folders", folders())
    if file is not None:
        from ._file import file_findings

        sound &= show_all(f"File {file}", file_findings(file))
    click.echo("No fault found." if sound else "There are faults: see the arrows above.")
    return sound


def versions() -> Iterator[Finding]:
    """Compare every installed dependency with the version that this package asks for."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    yield Finding("ok", f"scrna-longformer {version('scrna-longformer')}")
    yield Finding("ok", f"python {platform.python_version()} on {platform.platform()}")
    for text in requires("scrna-longformer") or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        install = f"python -m pip install '{wanted.name}{wanted.specifier}'"
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            yield Finding("fault", f"{wanted.name} is not installed", install)
            continue
        if wanted.specifier.contains(found, prereleases=True):
            yield Finding("ok", f"{wanted.name} {found}")
        else:
            what = f"{wanted.name} {found}, but {wanted.specifier} is needed"
            yield Finding("fault", what, install)


def leiden() -> Finding:
    """Cluster two cliques with leidenalg."""
    advice = f"{REINSTALL} leidenalg igraph"
    try:
        import igraph as ig
        import leidenalg

        found = leidenalg.find_partition(
            _two_cliques(ig), leidenalg.ModularityVertexPartition, seed=0
        )
    except BREAKAGE as error:
        return _broken("leidenalg cannot cluster", error, advice)
    return _two_clusters("leidenalg", found.membership, advice)


def igraph_leiden() -> Finding:
    """Cluster two cliques with igraph's own Leiden, which Scanpy uses with flavor='igraph'."""
    advice = f"{REINSTALL} igraph"
    try:
        import igraph as ig

        found = _two_cliques(ig).community_leiden(objective_function="modularity")
    except BREAKAGE as error:
        return _broken("igraph cannot cluster", error, advice)
    return _two_clusters("igraph", found.membership, advice)


def devices() -> Iterator[Finding]:
    """Say which build of torch arrived, and run a tiny model on every device it can use."""
    try:
        import torch
    except BREAKAGE as error:
        advice = "python -m pip install torch (see docs/installation for the CPU and CUDA builds)"
        yield _broken("torch cannot be imported", error, advice)
        return
    yield _torch_build(torch)
    try:
        expected = _tiny_forward("cpu")
    except BREAKAGE as error:
        yield _broken("cpu cannot run the model", error, f"{REINSTALL} torch numba llvmlite")
        return
    yield Finding("ok", "cpu runs the model")
    names = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    names += ["mps"] if torch.backends.mps.is_available() else []
    for name in names:
        yield _device(name, expected)


def cpu_kernel() -> Finding:
    """Say which attention kernel serves the presets on the CPU, and compare it with the plain one."""
    try:
        import torch

        from ..attention import knn_attention, resolve_backend
        from ..graph import GeneGraph
        from ..nn import LongformerConfig

        config = LongformerConfig.from_preset("small", n_genes=256, n_classes=2)
        sizes = {"d_model": config.d_model, "n_heads": config.n_heads}
        chosen = resolve_backend("cpu", n_genes=config.n_genes, **sizes)
        qkv = torch.sin(torch.arange(2 * 8 * 3 * config.d_model, dtype=torch.float32))
        qkv = qkv.reshape(2, 8, -1)
        graph = GeneGraph.full(8)
        found, plain = (
            knn_attention(qkv, graph, n_heads=config.n_heads, backend=backend)
            for backend in (chosen, "eager")
        )
    except BREAKAGE as error:
        return _broken("the kernel cannot run", error, f"{REINSTALL} numba llvmlite")
    gap = float((found - plain).abs().max())
    if gap > AGREEMENT:
        what = f"backend {chosen!r} differs from the reference by {gap:.2g}"
        return Finding("fault", what, "use attention_backend='gather' and report this machine")
    if chosen == "numba":
        return Finding("ok", "vector kernel (backend 'numba'), compiled and equal to the reference")
    return Finding(
        "note",
        f"backend {chosen!r} instead of the vector kernel: {_why_not_vectors()}",
        "results are the same, fits are slower; see the table of knn_attention",
    )


def threads() -> Finding:
    """Compare the threads that torch and numba will use with the cores that this process may use."""
    try:
        import numba
        import torch

        used = {"torch": torch.get_num_threads(), "numba": int(numba.get_num_threads())}
    except BREAKAGE as error:
        return _broken("threads cannot be counted", error, f"{REINSTALL} torch numba")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    named = [f"{name}={os.environ[name]}" for name in variables if name in os.environ]
    what = f"{usable} usable cores; {', '.join(f'{k} {v}' for k, v in used.items())} threads"
    what += f" ({', '.join(named)})" if named else ""
    if usable and max(used.values()) > usable:
        return Finding(
            "note", what, f"more threads than cores slow each other: OMP_NUM_THREADS={usable}"
        )
    return Finding("ok", what)


def folders() -> Iterator[Finding]:
    """Look at the folder of downloads and at the folder of data sets that the user named."""
    import pooch

    from .._settings import DATA_VARIABLE, settings

    cache = Path(pooch.os_cache("scrna_longformer"))
    if _writable(cache):
        yield Finding("ok", f"downloads are kept in {cache}")
    else:
        advice = "make it writable, or set XDG_CACHE_HOME to a folder of yours"
        yield Finding("fault", f"downloads cannot be kept in {cache}", advice)
    folder = settings.data_dir
    if folder is None:
        yield Finding("ok", f"{DATA_VARIABLE} is not set: data sets are downloaded when asked for")
    elif folder.is_dir():
        yield Finding("ok", f"{DATA_VARIABLE}={folder}")
    else:
        advice = "correct the variable, or unset it to download data sets"
        yield Finding("fault", f"{DATA_VARIABLE}={folder} is not a folder", advice)


def _two_cliques(ig):  # type: ignore[no-untyped-def]
    clique = ig.Graph.Full(5)
    return clique.disjoint_union(clique)


def _two_clusters(name: str, membership: list[int], advice: str) -> Finding:
    halves = set(membership[:5]), set(membership[5:])
    if len(halves[0]) == len(halves[1]) == 1 and halves[0] != halves[1]:
        return Finding("ok", f"{name} finds two clusters in two cliques")
    return Finding("fault", f"{name} puts two cliques into clusters {list(membership)}", advice)


def _torch_build(torch) -> Finding:  # type: ignore[no-untyped-def]
    version = torch.__version__
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return Finding("ok", f"torch {version} is a build for the CPU (pip's index decides)")
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {torch.version.hip}"
    if torch.cuda.is_available():
        return Finding("ok", f"torch {version} is a build for {build}")
    return Finding(
        "note",
        f"torch {version} is a build for {build}, but it finds no such device: runs on the CPU",
        "nothing, if this machine has no GPU; otherwise check its driver with nvidia-smi",
    )


def _device(name: str, expected) -> Finding:  # type: ignore[no-untyped-def]
    try:
        gap = float((_tiny_forward(name) - expected).abs().max())
    except BREAKAGE as error:
        return _broken(f"{name} cannot run the model", error, "use accelerator='cpu' meanwhile")
    if gap > AGREEMENT:
        what = f"{name}: probabilities differ from the CPU's by {gap:.2g}"
        return Finding("fault", what, "use accelerator='cpu', and try another version of torch")
    return Finding("ok", f"{name} runs the model, equal to the CPU within {gap:.1g}")


def _tiny_forward(device: str):  # type: ignore[no-untyped-def]
    """Class probabilities of three cells by a small fixed model."""
    import torch

    from ..graph import GeneGraph
    from ..nn import GeneLongformer, LongformerConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LongformerConfig.from_preset("tiny", n_genes=6, n_classes=3)
        model = GeneLongformer(config, GeneGraph.full(6)).eval().to(device)
    values = torch.linspace(0, 3, 18).reshape(3, 6).to(device)
    with torch.inference_mode():
        return model(values).logits.softmax(dim=-1).cpu()


def _why_not_vectors() -> str:
    import torch

    from ..attention._cpu import why_not_vectors
    from ..nn import LongformerConfig

    config = LongformerConfig.from_preset("small", n_genes=256, n_classes=2)
    return why_not_vectors(config.d_model, config.n_heads, torch.float32)


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself where it does not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _broken(what: str, error: BaseException, advice: str) -> Finding:
    return Finding("fault", f"{what}: {type(error).__name__}: {error}", advice)
