"""How fast decisions are: next to other engines with the same rules, with growing policies, and next to a call."""
