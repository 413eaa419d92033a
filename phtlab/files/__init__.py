"""Files at rest: durable writes, and key files under a passphrase."""
