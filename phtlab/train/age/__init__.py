"""age v1 (c2sp.org/age), the format of sealed cargo and of key files, on `cryptography`."""

from phtlab.train.age.hybrid import HYBRID, HybridIdentity, HybridRecipient

__all__ = ["HYBRID", "HybridIdentity", "HybridRecipient"]
