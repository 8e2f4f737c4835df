"""The losses, one file each; `skbudget.objectives.available` finds them by walking this folder."""
