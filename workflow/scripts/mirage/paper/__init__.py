"""Paper: tables, figures, the toy example and the report."""
