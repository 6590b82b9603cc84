"""Search results to look at: a contact sheet as an HTML page or as a picture."""

from __future__ import annotations

from clothzoo.retrieval.report.from_engine import catalogue_facts, sheet_of
from clothzoo.retrieval.report.page import write_page
from clothzoo.retrieval.report.picture import write_picture
from clothzoo.retrieval.report.sheet import Sheet

__all__ = ["Sheet", "catalogue_facts", "sheet_of", "write_page", "write_picture"]
