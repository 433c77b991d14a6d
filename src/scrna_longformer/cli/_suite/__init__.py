"""The benchmark suite: the contestants on all labelled real sets, its tables and its figures."""
