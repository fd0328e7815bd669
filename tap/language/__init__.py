"""The filter language: mitmproxy's, with comparisons. No I/O."""
