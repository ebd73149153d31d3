"""`python -m ingest`: the batch door to ingestion."""

from ingest.cli import main

main()
