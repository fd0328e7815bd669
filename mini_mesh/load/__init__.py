"""Open-loop load: requests at fixed times, whoever answers when, and how long each then took."""
