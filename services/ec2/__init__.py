"""Amazon EC2, as far as every tool asks it: which Regions there are."""
