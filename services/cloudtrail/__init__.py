"""CloudTrail's operations that tell about trails, and with which keys their digests are checked (docs/adr/0068)."""
