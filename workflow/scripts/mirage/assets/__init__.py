"""assets: what comes from outside; one manifest, one check, one fetch."""
