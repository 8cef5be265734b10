"""A file for each policy that AWS maintains, written from what AWS documents of it."""
