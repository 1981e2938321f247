"""The documentation as a site: puts its sources together, builds it with Zensical, and checks its links."""
