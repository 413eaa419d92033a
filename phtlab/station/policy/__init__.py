"""What the station allows: `policy.toml`, with the rules of the airlock and of release."""
