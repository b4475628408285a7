"""Units of measure: which are comparable, and by what factor. https://ucum.org/ucum."""

from terminology.ucum.canonical import Canonical, canonical

__all__ = ["Canonical", "canonical"]
