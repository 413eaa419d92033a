"""The cryptography of trains: members' identities and the age format."""
