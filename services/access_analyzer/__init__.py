"""IAM Access Analyzer. Importing this registers every operation."""

from services.access_analyzer import validation

__all__ = ["validation"]
