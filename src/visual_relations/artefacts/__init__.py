"""What lies on disk between stages: atomic writing, fingerprints, workspaces, feature banks. No kedro, no torch."""
