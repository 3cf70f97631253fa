"""Learning: from a store of crops to weights; one loop, recipes, what each network has of its own."""
