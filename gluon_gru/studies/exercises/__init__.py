"""The chapter's exercises and the statements of its readers' notes, answered by running them."""
