"""Speed of the library as ratios to straightforward references, measured side by side."""
