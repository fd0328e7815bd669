"""Ratings: five stars."""

from service import serve

serve(lambda: "*****")
