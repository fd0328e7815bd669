"""What came of a replay as a regression test: of a filter, or a claim of a pattern file."""
