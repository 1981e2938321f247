"""What a header announces, what is there, and whether the file is cut."""
