"""Schema changes, in the order of their numbers; applied at open by adapters.sql.migrate."""
