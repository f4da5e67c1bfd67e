"""Reading what a node pack's Python source does when it is imported, without importing it."""
