"""Retrieval: from a photo to the catalogue's photos that look like it.

`index` says what any catalogue can do, `local` keeps one in a folder, `engine` puts an extractor
in front of it.
"""
