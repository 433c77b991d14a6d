"""The transformer as a scikit-learn classifier, the same kind of object as every baseline."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from .._arguments import check_random_state
from .._random import seed
from ..dataloaders._cells import Matrix
from ..dataloaders._moments import Cells
from ..evaluation._cell_classifier import CellClassifier
from ..evaluation._scaling import LogitScaling, floored_log
from ..evaluation._simple_mean import SimpleMean
from ..evaluation._split import holdout
from ..features._checked import checked_values
from ..features._counts import has_counts
from ..features._ranking import rank_f_test, rank_markers
from ..graph._gene_graph import GeneGraph
from ..graph._knn import gene_knn
from ..nn._config import LongformerConfig
from ..nn._longformer import GeneLongformer
from ._checkpoint import check_folder
from ._config import TrainConfig
from ._depth import DepthModel
from ._device import attention_backend, isolated_rng, resolve_accelerator, seed_torch
from ._diagnosis import diagnose
from ._fitted import FittedLongformer
from ._mixture import Mixture, choose_gate
from ._predict import Prediction, predict
from ._runner import FitResult, run
from ._start import starting_model
from ._token_count import linear_count, token_count
from ._vocabulary import Vocabulary
from ._wide import WidePart

TRANSFORMS = ("auto", "log", "pearson")
_DERIVED = {
    "n_genes",
    "n_classes",
    "residual_head",
    "n_pairs",
}  # fields of the config that nobody chooses
# cells set aside are few, and the weights that are best on them were kept: believe them less
_PRIOR_CELLS = 10.0
_INITIAL, _STOPPING, _GATE, _DEPTH = 10, 11, 14, 16  # names of the random streams


class LongformerClassifier(CellClassifier):
    """Gene-token transformer with kNN-masked attention, fitted on arrays.

    Everything learned from cells (token genes, their statistics, the gene graph, the weights) is
    learned from the cells given to :meth:`fit`.

    Parameters
    ----------
    preset
        Size: ``'tiny'``, ``'small'``, ``'base'`` or ``'large'``; or ``'prototype'``, an earlier
        design kept to show its failure.
    n_tokens
        Number of genes that become tokens, ranked as markers of the classes (without the labels of the
        cells set aside to choose weights and gate); ``'all'`` of them; or ``'auto'``: all up to 512
        genes, and the 256 best of more.
    n_neighbors, metric, center
        The gene graph, as in :func:`scrna_longformer.graph.gene_knn`.
    graph
        A graph of all columns of `X` to use as it is. Only where all genes are tokens.
    min_cells
        Classes with fewer cells are not drawn on for the cells set aside.
    offset
        ``'simple'``: the calibrated mean of four linear models
        (:class:`~scrna_longformer.evaluation.SimpleMean`) predicts, and the transformer corrects its
        logits as far as held-out cells show that it should. ``None``: the transformer alone.
    input_transform
        What token values are: ``'log'`` (as given), ``'pearson'`` (residuals of the counts behind
        them), or ``'auto'``: residuals where there are counts behind the values.
    warm_start
        Whether a model with multiplicative tokens starts at the logistic regression that it
        contains (``train._warm_start``) instead of at random. By default where there is no offset
        (what corrects a regression should not begin as one), or there are `products`, which the offset
        knows nothing of.
    products
        Whether products of tokens of which one attends to the other enter the pooled vector linearly,
        beside what attention makes of them. By default where the training cells show that they say
        what no model linear in the genes does (``train._start``), and never where a graph links more
        than 20,000 pairs.
    model_options
        Fields of :class:`~scrna_longformer.nn.LongformerConfig` that differ from the preset.
        ``'n_linear'`` is 1,000 where not all genes are tokens and the model holds a linear one, else
        0: the best genes by F test, as log values whatever the tokens' values are. Without them it
        would know less than a linear model on so many genes.
    train_options
        Fields of :class:`TrainConfig` that differ from the defaults.
    accelerator
        ``'auto'`` (CUDA, then MPS, then CPU), or one of them by name.
    checkpoint_dir
        Folder in which the training is kept while it lasts: killed and called again the same way, it
        goes on, and on the CPU ends with the same bits as if it had not been killed (unless a `time_limit` ends
        it). ``None`` keeps nothing.
    progress
        Whether to show a progress bar.
    random_state
        Seed of everything that is drawn. Same seed, threads and machine: same bits, on the CPU.

    Attributes
    ----------
    classes_
        Class values, sorted.
    token_index_
        Columns of `X` that are tokens, ascending.
    linear_index_
        Columns of `X` that enter the pooled vector linearly, ascending.
    vocabulary_
        Columns of `X` that any part of the model reads, ascending.
    input_transform_
        What token values are, ``'log'`` or ``'pearson'``.
    gate_
        Weight of the corrected predictions beside those of the simple model, in [0, 1): at 0 the
        prediction is the simple model's. NaN without an offset.
    n_gate_cells_
        Number of cells that the gate was decided by; where there are none it is 0.
    graph_
        The gene graph among the tokens.
    fitted_
        The trained model, a :class:`FittedLongformer`.
    result_
        How training went, a :class:`FitResult`.
    n_parameters_
        Number of trained parameters.
    attention_backend_
        The attention backend that ran in training; for attention on no graph ``'dense'`` (all genes), ``'linear'``
        or ``'none'``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 40)
    >>> X = rng.random((80, 6)) + 2 * np.eye(6)[y]
    >>> options = {"max_steps": 300, "batch_size": 16}
    >>> model = LongformerClassifier("tiny", n_neighbors=2, train_options=options).fit(X, y)
    >>> model.predict_proba(X).shape, model.embed(X).shape
    ((80, 2), (80, 4))
    """

    # its probabilities are scaled on cells it was not fitted to already
    calibrated_inside = True

    def __init__(
        self,
        preset: str = "small",
        *,
        n_tokens: int | Literal["auto", "all"] = "auto",
        n_neighbors: int = 8,
        metric: str = "cosine",
        center: bool = True,
        graph: GeneGraph | None = None,
        min_cells: int = 10,
        offset: Literal["simple"] | None = "simple",
        input_transform: Literal["auto", "log", "pearson"] = "auto",
        warm_start: bool | None = None,
        products: bool | None = None,
        model_options: Mapping[str, Any] | None = None,
        train_options: Mapping[str, Any] | None = None,
        accelerator: str = "auto",
        checkpoint_dir: str | Path | None = None,
        progress: bool = False,
        random_state: int = 0,
    ) -> None:
        self.preset = preset
        self.n_tokens = n_tokens
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.center = center
        self.graph = graph
        self.min_cells = min_cells
        self.offset = offset
        self.input_transform = input_transform
        self.warm_start = warm_start
        self.products = products
        self.model_options = model_options
        self.train_options = train_options
        self.accelerator = accelerator
        self.checkpoint_dir = checkpoint_dir
        self.progress = progress
        self.random_state = random_state

    @property
    def begins_with(self) -> SimpleMean | None:
        """The simple model that :meth:`fit` fits first, unfitted; ``None`` without an offset.

        Raises
        ------
        ValueError
            If `offset` is none of those known.
        """
        if self.offset is None:
            return None
        if self.offset != "simple":
            msg = f"`offset` must be 'simple' or None, not {self.offset!r}."
            raise ValueError(msg)
        # the seed of the contestant `simple_mean`: with the gate shut both say the same, to rounding
        return SimpleMean(random_state=self.random_state)

    def fit(self, X: Matrix, y: np.ndarray, *, given: SimpleMean | None = None) -> Self:
        """Fit to cells x genes log values `X` and one label per cell.

        Parameters
        ----------
        X
            Cells x genes log values: sparse, an array or a data frame, without missing values.
        y
            Label of each cell, none of them missing.
        given
            What :attr:`begins_with` says, fitted to these very cells and labels already, where
            there is one: it is then not fitted again.

        Raises
        ------
        ValueError
            If an argument of the constructor is not possible, values or labels are missing, there
            is one class only, or `given` was fitted to another number of cells, classes or genes.

        Warns
        -----
        UserWarning
            If the model did not learn, saying what to change.
        """
        return self._fit_checked(X, y, given=given)

    def _fit(self, X: Matrix, codes: np.ndarray, given: SimpleMean | None = None) -> None:
        accelerator = resolve_accelerator(self.accelerator)
        train_config = self._check_arguments(X, accelerator)
        simple = self._fit_simple(X, codes, given)
        out_of_fold = None if simple is None else simple.out_of_fold_
        wide = None if simple is None else WidePart.from_simple_mean(simple, X, codes)
        train_index, stopping_index, gate_index = self._parts(
            codes, train_config, gated=out_of_fold is not None
        )
        # not by the labels of the cells set aside: genes that mark them by chance would make the
        # correction look good where the gate, the weights and the calibration are chosen
        ranked = X[train_index], codes[train_index]
        self.token_index_ = self._choose_tokens(*ranked)
        config = LongformerConfig.from_preset(
            self.preset,
            n_genes=len(self.token_index_),
            n_classes=len(self.classes_),
            **{
                "residual_head": out_of_fold is not None,
                "attention_seed": int(self.random_state),
                **(self.model_options or {}),
            },
        )
        config = self._choose_linear(*ranked, config)
        self.input_transform_ = self._choose_input_transform(X)
        vocabulary = Vocabulary.of(
            X,
            tokens=self.token_index_,
            linear=self.linear_index_,
            others=np.empty(0, dtype=np.int64) if wide is None else wide.genes,
            residuals=self.input_transform_ == "pearson",
        )
        self.vocabulary_ = vocabulary.genes
        cells = vocabulary.cells(X)
        self.graph_ = self._make_graph(X, vocabulary)
        model, shift = starting_model(
            lambda config: self._initial_model(config, cells),
            config,
            cells,
            codes,
            train_index,
            out_of_fold,
            products=self.products,
            warm_start=self.warm_start,
            random_state=self.random_state,
        )
        self.attention_backend_ = attention_backend(model.config, accelerator)
        self.result_: FitResult = run(
            model,
            cells,
            codes,
            train_index=train_index,
            stopping_index=stopping_index,
            config=train_config,
            accelerator=accelerator,
            random_state=self.random_state,
            progress=self.progress,
            offset=None if out_of_fold is None else floored_log(out_of_fold),
            checkpoint_dir=self.checkpoint_dir,
        )
        for sentence in diagnose(self.result_, train_config, model.config.n_classes):
            # where `fit` was called
            warnings.warn(f"LongformerClassifier: {sentence}", UserWarning, stacklevel=4)
        aside = np.concatenate([stopping_index, gate_index])
        held_out = predict(model, cells, aside)
        self.gate_, self.n_gate_cells_, mixture = np.nan, len(gate_index), None
        if wide is not None:
            self.gate_ = 0.0
            if out_of_fold is not None:
                assert held_out.residual is not None  # the model has such a head
                unseen = np.arange(len(aside)) >= len(stopping_index)
                self.gate_ = choose_gate(
                    out_of_fold[aside], held_out.residual, codes[aside], unseen
                )
            mixture = Mixture(wide.renumbered(vocabulary.positions), self.gate_)
        self.fitted_ = FittedLongformer(
            model,
            self.vocabulary_.astype(str),
            self.classes_,
            tokens=vocabulary.tokens,
            share=vocabulary.share,
            total=vocabulary.total,
            mixture=mixture,
            scaling=LogitScaling.fit(
                held_out.proba,
                codes[aside],
                ridge=_PRIOR_CELLS / max(len(aside), 1),
                shift=shift,
            ),
            linear=vocabulary.linear,
            depth=self._depth_model(X, codes, vocabulary),
        )
        self.n_parameters_ = sum(p.numel() for p in model.parameters())
        self.n_parameters_ += 0 if simple is None else simple.n_parameters_

    def _proba(self, X: Matrix) -> np.ndarray:
        return self._predict_all(X).proba

    def embed(self, X: Matrix) -> np.ndarray:
        """Pooled representation of each cell, ``(cells, d_model)`` float32."""
        return self.predict_all(X).embedding

    def predict_all(self, X: Matrix) -> Prediction:
        """Probabilities and representations from one pass."""
        check_is_fitted(self)
        return self._predict_all(checked_values(self, X))

    def _predict_all(self, X: Matrix) -> Prediction:
        return self.fitted_.predict(X, self.vocabulary_)

    def _fit_simple(
        self, X: Matrix, codes: np.ndarray, given: SimpleMean | None
    ) -> SimpleMean | None:
        unfitted = self.begins_with
        if unfitted is None or given is None:
            return None if unfitted is None else unfitted.fit(X, codes)
        seen = given.out_of_fold_
        others = given.n_features_in_ != X.shape[1] or len(given.classes_) != codes.max() + 1
        if others or (seen is not None and len(seen) != len(codes)):
            msg = "`given` was fitted to other cells, classes or genes than these."
            raise ValueError(msg)
        return given

    def _choose_linear(
        self, X: Matrix, codes: np.ndarray, config: LongformerConfig
    ) -> LongformerConfig:
        """Choose the genes that enter linearly, and return the config with their number."""
        n_linear = config.n_linear
        if "n_linear" not in (self.model_options or {}):
            holds = config.holds_linear_model
            n_linear = linear_count(config.n_genes, X.shape[1]) if holds else 0
        self.linear_index_ = np.empty(0, dtype=np.int64)
        if n_linear:
            self.linear_index_ = np.sort(rank_f_test(X, codes)[:n_linear])
        return replace(config, n_linear=len(self.linear_index_))

    def _check_arguments(self, X: Matrix, accelerator: str) -> TrainConfig:
        """Refuse what cannot be, before anything is fitted; returns the settings of training."""
        if self.input_transform not in TRANSFORMS:
            msg = f"`input_transform` must be one of {TRANSFORMS}, not {self.input_transform!r}."
            raise ValueError(msg)
        check_random_state(self.random_state, caller=type(self).__name__)
        options = self.model_options or {}
        if not isinstance(options, Mapping):
            msg = f"`model_options` must be a dictionary from fields to values, not {options!r}."
            raise TypeError(msg)
        if derived := sorted(set(options) & _DERIVED):
            msg = f"`model_options` has {derived}, which follow from the data and `offset`."
            raise ValueError(msg)
        token_count(self.n_tokens, X.shape[1])
        config = LongformerConfig.from_preset(self.preset, n_genes=1, n_classes=2, **options)
        attention_backend(config, accelerator)
        train_config = TrainConfig.from_options(self.train_options)
        if self.checkpoint_dir is not None:
            check_folder(self.checkpoint_dir)
        return train_config

    def _choose_input_transform(self, X: Matrix) -> str:
        if self.input_transform != "auto":
            return self.input_transform
        return "pearson" if has_counts(X) else "log"

    def _choose_tokens(self, X: Matrix, codes: np.ndarray) -> np.ndarray:
        n_tokens = token_count(self.n_tokens, X.shape[1])
        if n_tokens == X.shape[1]:
            return np.arange(n_tokens)
        return np.sort(rank_markers(X, codes)[:n_tokens])

    def _make_graph(self, X: Matrix, vocabulary: Vocabulary) -> GeneGraph:
        if self.graph is not None:
            if len(self.token_index_) != X.shape[1] or self.graph.n_genes != X.shape[1]:
                msg = (
                    f"`graph` has {self.graph.n_genes} genes; it can be used as it is only where all "
                    f"{X.shape[1]} genes of `X` are tokens (n_tokens='all')."
                )
                raise ValueError(msg)
            graph = self.graph
        else:
            values = X[:, self.token_index_]
            if self.input_transform_ == "pearson":
                tokens = vocabulary.token_cells(X)
                values = tokens.rows(np.arange(len(tokens)))
            mask, _ = gene_knn(values, self.n_neighbors, metric=self.metric, center=self.center)
            graph = GeneGraph.from_scipy(mask)
        return graph

    def _parts(
        self, codes: np.ndarray, config: TrainConfig, *, gated: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows that give gradients, that choose the weights, and that choose the gate."""
        train = np.arange(len(codes))
        parts = []
        shares = (config.stopping_fraction, config.gate_fraction if gated else 0.0)
        for share, stream in zip(shares, (_STOPPING, _GATE), strict=True):
            aside = np.array([], dtype=np.int64)
            if share:
                rest, chosen = holdout(
                    codes[train],
                    share * len(codes) / len(train),
                    min_cells=self.min_cells,
                    random_state=seed(self.random_state, stream),
                )
                train, aside = train[rest], train[chosen]
            parts.append(aside)
        return train, parts[0], parts[1]

    def _depth_model(
        self, X: Matrix, codes: np.ndarray, vocabulary: Vocabulary
    ) -> DepthModel | None:
        if self.input_transform_ != "pearson":
            return None
        return DepthModel.fit(
            X,
            codes,
            vocabulary.genes,
            vocabulary.share,
            random_state=seed(self.random_state, _DEPTH),
        )

    def _initial_model(self, config: LongformerConfig, cells: Cells) -> GeneLongformer:
        with isolated_rng("cpu"):
            seed_torch("cpu", seed(self.random_state, _INITIAL))
            model = GeneLongformer(config, self.graph_)
        mean, sd = cells.moments(np.arange(len(cells)))
        model.standardizer.set_statistics(torch.from_numpy(mean), torch.from_numpy(sd))
        return model
