"""The wait in the triggerer. It imports no operators and no sensors, and aiohttp only when a trigger runs."""
