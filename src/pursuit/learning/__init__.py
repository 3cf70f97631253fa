"""Learning: from a store of crops to weights. One loop; recipes; what each network needs."""
