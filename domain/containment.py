"""Containment: what is done to a credential that has leaked, and to everything that it gave birth to."""

from hashlib import sha256

CONTAINED = "MunimentContained"
"""The name of the inline policy that users and roles get. Whoever may change their policies can lift it."""
CONTAINED_DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
CONTAINED_SHA256 = sha256(CONTAINED_DOCUMENT.encode()).hexdigest()
