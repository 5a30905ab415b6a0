"""Real clients: what people and programs install, publish and drop with."""
