"""Central's database: connection, tables, migrations, and rows as API values."""
