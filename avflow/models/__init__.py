"""Which models there are, where they come from, and the folder of this machine that holds them, verified."""
