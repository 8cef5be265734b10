"""AWS Account Management: the account's contacts, its regions, and what it is called."""
