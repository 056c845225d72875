"""Forms of the pages, one module a noun: they turn what a person typed into params."""
