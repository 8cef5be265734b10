"""The checks there are, a module for each family of what they look at."""
