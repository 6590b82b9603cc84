"""Millions of photos: extracted to Parquet files, on many machines if need be, then ingested."""

from __future__ import annotations

from clothzoo.retrieval.bulk.extraction import ENGINES, Cluster, ExtractionReport, extract
from clothzoo.retrieval.bulk.ingestion import IngestReport, ingest

__all__ = ["ENGINES", "Cluster", "ExtractionReport", "IngestReport", "extract", "ingest"]
