"""Other interpreters: how one is started, forked, supervised and dealt work."""
