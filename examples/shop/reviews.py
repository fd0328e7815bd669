"""Reviews: a text, and in one version the stars."""

import os

from service import call, serve

if os.environ["STARS"] == "yes":
    serve(lambda: f"very good {call('ratings')}\n")
serve(lambda: "very good\n")
