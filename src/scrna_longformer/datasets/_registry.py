"""What the data sets are: titles, licences, how each label came about, and the files they need.

Addresses and checksums are in ``registry.txt`` beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """One label column of a data set, and where the labels came from.

    ``kind`` is one word for programs: ``sorted``, ``assigned``, ``clustered``, ``genotype``,
    ``proteins``, ``design``, ``estimated`` or ``planted``; ``origin`` is the sentence for readers.
    """

    column: str
    kind: str
    origin: str


@dataclass(frozen=True)
class Dataset:
    """Description of a data set; the first label is the one to classify."""

    title: str
    organism: str
    licence: str
    note: str
    labels: tuple[Label, ...] = ()
    files: tuple[str, ...] = ()
    values: str = "counts"
    alternative: str = ""


_UNVERIFIED = "terms of the upstream data not verified"
_SCDCC = f"Apache-2.0 (repository of scDCC); {_UNVERIFIED}"
_WORM = f"MIT (repository of monocle3); {_UNVERIFIED}"
_MIXOLOGY = tuple(
    f"sc_mixology/{stem}.{part}.csv.gz"
    for stem in (
        *(f"sc_{p}" for p in ("celseq2", "dropseq")),
        *(f"sc_celseq2_5cl_p{plate}" for plate in (1, 2, 3)),
        "RNAmix_celseq2",
        "RNAmix_sortseq",
    )
    for part in ("count", "metadata")
)

DATASETS: dict[str, Dataset] = {
    "pbmc68k_reduced": Dataset(
        title="Blood cells, 10x 68k PBMC, 700 of them, as bundled with Scanpy",
        organism="human",
        licence="BSD-3-Clause (Scanpy); 10x Genomics data terms, not verified",
        values="log",
        note=(
            "No counts are stored: X holds log values of them. The genes were selected on all cells, so "
            "no cross-validation on this set is free of leakage. Some classes are very small."
        ),
        labels=(
            Label(
                "bulk_labels",
                "assigned",
                "assigned by similarity of expression to bulk profiles of sorted cells; "
                "these cells were not sorted",
            ),
            Label("leiden", "clustered", "clustered from this matrix (Leiden, seeded, on load)"),
            Label("louvain", "clustered", "clustered from this matrix (Louvain, by Scanpy)"),
            Label("phase", "assigned", "cell cycle scores of expression, by Scanpy"),
        ),
    ),
    "sorted_pbmc": Dataset(
        title="Blood cells sorted by FACS before sequencing (Zheng et al. 2017)",
        organism="human",
        licence=f"GPL-3 (repository of MUDAN); {_UNVERIFIED}",
        note=(
            "The labels do not come from the expression matrix, but each sort is its own library: "
            "label and library cannot be told apart. Depth and the number of detected genes alone "
            "carry some of the label, so compare with a depth-only model."
        ),
        labels=(Label("cell_type", "sorted", "FACS sort of separate libraries"),),
        files=("sorted_pbmc/referenceCounts.rda", "sorted_pbmc/referenceAnnot.rda"),
    ),
    "pbmc3k": Dataset(
        title="Blood cells, 10x PBMC 3k",
        organism="human",
        licence="MIT (repositories); 10x Genomics data: CC BY 4.0 as far as known, not verified",
        note=(
            "Cells that the Seurat tutorial filtered out have no cell_type. The labels came from "
            "clustering this matrix, so a linear model does well almost by construction."
        ),
        labels=(
            Label(
                "cell_type",
                "clustered",
                "clustered from this matrix (Seurat tutorial), clusters named by markers",
            ),
            Label("seurat_clusters", "clustered", "clustered from this matrix (Seurat tutorial)"),
            Label("prototype_leiden", "clustered", "clustered from this matrix (Leiden)"),
        ),
        files=(
            "pbmc3k/pbmc3k.rda",
            "pbmc3k/pbmc_meta.rda",
            "prototype_labels/pbmc3k_labels.npy",
        ),
        alternative="scanpy.datasets.pbmc3k() downloads the same cells without labels",
    ),
    "pbmc4k": Dataset(
        title="Blood cells, presumably 10x PBMC 4k, 2,000 genes",
        organism="human",
        licence=_SCDCC,
        note=(
            "The file has no gene names: markers cannot be checked. The 2,000 genes were selected "
            "on all cells. The repository does not name the study."
        ),
        labels=(Label("cluster", "clustered", "clustered from expression (numbered, unnamed)"),),
        files=("pbmc4k_top2000/10X_PBMC_top2000.h5",),
    ),
    "pbmc_donor_a": Dataset(
        title="Blood cells of one donor, unlabelled",
        organism="human",
        licence=f"GPL-3 (repository of MUDAN); {_UNVERIFIED}",
        note="No labels: for unsupervised work and pretraining.",
        files=("pbmc_donor_a/pbmcA.rda",),
    ),
    "kang_labelled": Dataset(
        title="Blood cells with and without interferon beta, two donors (Kang et al. 2018)",
        organism="human",
        licence=f"GPL-3 (repository of muscat); {_UNVERIFIED}",
        note=(
            "Two donors x two conditions: hold a donor or a condition out, but two donors support "
            "no claim about donors. Genes and cells were subsampled by others."
        ),
        labels=(
            Label("cell_type", "clustered", "clustered from this study's expression, then named"),
            Label("condition", "design", "experimental design (stimulated or not)"),
            Label("donor", "genotype", "genotype (cells demultiplexed by SNPs)"),
            Label("sample_id", "design", "donor and condition together"),
        ),
        files=("kang_labelled/example_sce.rda",),
    ),
    "kang_types": Dataset(
        title="Blood cells with and without interferon beta, 13 types, all genes",
        organism="human",
        licence=f"MIT (repository of rDeepmaps); {_UNVERIFIED}",
        note=(
            "The condition is experimental; the types are clusters, so circular for "
            "classification. No donor column. The column sex of the file is random filler and "
            "left out."
        ),
        labels=(
            Label("cell_type", "clustered", "clustered from this study's expression, then named"),
            Label("condition", "design", "experimental design (stimulated or not)"),
        ),
        files=("kang_types/ifnb_2800.rda",),
    ),
    "cbmc_citeseq": Dataset(
        title="Cord blood cells, CITE-seq, 2,000 genes and 10 proteins",
        organism="human",
        licence=_SCDCC,
        note=(
            "The file has no gene, cell or protein names, and the repository names no study "
            "(likely Stoeckius et al. 2017). The 2,000 genes were selected on all cells. "
            "obsm['protein'] holds normalised, signed values. Classes of proteins are independent "
            "of the RNA counts but noisy."
        ),
        labels=(
            Label(
                "protein_cluster",
                "proteins",
                "proteins: seeded k-means (12 clusters) on the 10 proteins of the same cells, "
                "on load",
            ),
            Label("cluster", "clustered", "clustered from this RNA matrix (numbered, unnamed)"),
        ),
        files=("cbmc_citeseq/CITE_CBMC_counts_top2000.h5",),
    ),
    "worm_l2": Dataset(
        title="Neurons of C. elegans larvae, sci-RNA-seq (Cao et al. 2017)",
        organism="C. elegans",
        licence=_WORM,
        note=(
            "Very sparse. 'Unclassified neurons' is a placeholder, about half of the cells: here "
            "they have no cell_type."
        ),
        labels=(
            Label("cell_type", "clustered", "clustered from this study's expression, then named"),
            Label("cluster", "clustered", "clustered from this study's expression"),
            Label("plate", "design", "plate of the experiment"),
        ),
        files=tuple(
            f"worm_l2/worm_l2_{part}.rds" for part in ("expression_matrix", "coldata", "rowdata")
        ),
    ),
    "worm_embryo": Dataset(
        title="Ciliated neurons of C. elegans embryos (Packer et al. 2019)",
        organism="C. elegans",
        licence=_WORM,
        note=(
            "time_point is the harvest time, independent of expression (missing for the batches "
            "of mixed ages); embryo_time was estimated from expression."
        ),
        labels=(
            Label("cell_type", "clustered", "clustered from expression, then named by markers"),
            Label("time_point", "design", "time of harvest"),
            Label("batch", "design", "batch of the experiment"),
            Label("lineage", "clustered", "lineage that the named clusters stand for"),
            Label("embryo_time", "estimated", "estimated from expression (minutes)"),
        ),
        files=tuple(
            f"worm_embryo/worm_embryo_{part}.rds"
            for part in ("expression_matrix", "coldata", "rowdata")
        ),
    ),
    "mouse_bladder": Dataset(
        title="Mouse bladder, presumably of the Mouse Cell Atlas",
        organism="mouse",
        licence=_SCDCC,
        note=(
            "The files have no gene names, and the repository does not name the study. "
            "Some cells with all genes, or all cells with genes that were selected on all of them "
            "(top_genes=True)."
        ),
        labels=(Label("cluster", "clustered", "clustered from expression (numbered, unnamed)"),),
        files=(
            "mouse_bladder/mouse_bladder_cell_select_2100.h5",
            "mouse_bladder/mouse_bladder_cell_top2000.h5",
        ),
    ),
    "paul15": Dataset(
        title="Myeloid progenitors of mouse bone marrow (Paul et al. 2015)",
        organism="mouse",
        licence=f"MIT (setup.py of the repository desc); {_UNVERIFIED}",
        note=(
            "The partition is sound, but the names of clusters 13 to 17 do not match markers: "
            "use the numbers. No physical time. uns['iroot'] is the usual root cell."
        ),
        labels=(
            Label("paul15_clusters", "clustered", "clustered from this matrix, named by markers"),
        ),
        files=("paul15/paul15_cluster.h5ad",),
        alternative="scanpy.datasets.paul15() downloads the same cells from another host",
    ),
    "sc_mixology": Dataset(
        title="Lung cancer cell lines, single cells or RNA mixtures (Tian et al. 2019)",
        organism="human",
        licence="MIT (repositories of sc_mixology and Cepo); GSE118767, terms not verified",
        note=(
            "The labels are independent of expression, but the lines are easy to tell apart: the "
            "set checks correctness, it does not rank models. Doublets have no cell_line. "
            "The RNAmix protocols hold known proportions at known amounts of RNA. Protocol 10x "
            "was cut to 894 genes by others."
        ),
        labels=(
            Label("cell_line", "genotype", "genotype (demuxlet on SNPs of the reads)"),
            Label("demuxlet_cls", "genotype", "singlet or doublet by genotype"),
            Label("mixture", "design", "experimental design (proportions of three cell lines)"),
            Label("mRNA_amount", "design", "experimental design (picograms of RNA)"),
        ),
        files=(*_MIXOLOGY, "sc_mixology/cellbench.rda"),
    ),
    "simulate_interactions": Dataset(
        title="Simulated cells whose types differ in means, or only in gene co-ordination",
        organism="none",
        licence="none needed",
        note="Simulated, not biology: the truth is known because it was planted.",
        labels=(
            Label("interaction_type", "planted", "planted: signs of co-ordination in modules"),
            Label("mean_type", "planted", "planted: mean expression of marker genes"),
        ),
    ),
    "simulate_ratios": Dataset(
        title="Simulated cells whose types differ only in which partner genes keep their ratio",
        organism="none",
        licence="none needed",
        note="Simulated, not biology: no single gene differs between types.",
        labels=(
            Label("ratio_type", "planted", "planted: pairs of genes whose ratio is kept or strays"),
        ),
    ),
    "simulate_hubs": Dataset(
        title="Simulated cells whose types differ only in what the state of a hub gene steers",
        organism="none",
        licence="none needed",
        note="Simulated, not biology: neither hubs nor their targets differ between types.",
        labels=(
            Label("hub_type", "planted", "planted: which targets a hub raises in its high state"),
        ),
    ),
}
