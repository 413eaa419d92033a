"""The station's policy, `policy.toml`, with the rules of the airlock and of release."""
