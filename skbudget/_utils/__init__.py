"""What every room of the package uses, and no user sees."""
