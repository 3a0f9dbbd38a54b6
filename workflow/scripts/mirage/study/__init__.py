"""The study: its configuration, its cells and their names, and what each is made with."""
