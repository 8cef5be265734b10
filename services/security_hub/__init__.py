"""Security Hub's operations on findings of its controls of IAM (docs/adr/0065)."""
