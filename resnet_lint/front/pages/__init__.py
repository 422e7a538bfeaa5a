"""What the HTML pages of `trace`, `run` and `metrics` share: colours, style sheet, and rendering."""
