"""The models: which there are, where they come from, and the folder that holds their verified files."""
