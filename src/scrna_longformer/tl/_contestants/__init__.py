"""Contestants that need AnnData, wrapped as classifiers of arrays; imported when first asked for."""
