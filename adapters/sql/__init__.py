"""The store on SQLite and PostgreSQL: tables, mapping, unit of work, migrations."""
