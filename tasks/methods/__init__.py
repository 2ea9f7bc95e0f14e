"""What a method is: where its targets come from, the loss, the weights. One YAML file a method."""
