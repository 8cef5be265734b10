"""IAM Access Analyzer."""
