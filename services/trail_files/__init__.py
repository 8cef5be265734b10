"""The files of a trail, as CloudTrail delivers them: records, log files, digests (docs/adr/0068)."""
