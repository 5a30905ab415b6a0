"""What is done to distributions that are here: removing and yanking."""
