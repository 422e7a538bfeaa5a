"""What the pictures of a trace show, and where: boxes inside boxes, and the wires between them."""
