"""The losses as torch modules; they need torch and nothing else."""
