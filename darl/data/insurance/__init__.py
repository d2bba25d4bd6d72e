"""The built-in generated corpus: insurance search in English, graded by written rules."""
