"""AWS Organizations, as far as it is read: the operator sets the organization."""
