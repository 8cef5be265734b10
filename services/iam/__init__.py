"""IAM, one module a family."""
