"""AWS Config's operations on compliance with its rules for IAM (docs/adr/0065)."""
