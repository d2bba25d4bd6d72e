"""Readers, corpora, splits and the pool."""
