"""Explains, holds and replays requests. Floor 3 of the house; not built yet."""
