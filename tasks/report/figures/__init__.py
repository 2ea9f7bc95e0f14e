"""What a report draws: SVG, light and dark, told apart by every kind of colour vision."""
