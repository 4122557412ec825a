"""Thin entry points that know no domain: `python -m scripts.train domain=vision`."""
