"""How the starter models are made: their data, their recipes, and the loop they share. Needs the worker environment."""
