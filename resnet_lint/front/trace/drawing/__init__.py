"""Content and layout of the drawing of a trace: nested boxes, and the wires between them."""
