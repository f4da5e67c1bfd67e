"""Pure rules: what is missing, which candidate is proven, what a run's outcome is."""
