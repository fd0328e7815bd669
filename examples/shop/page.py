"""The page: a title, and what readers say."""

from service import call, serve

serve(lambda: f"A book\n{call('reviews')}")
