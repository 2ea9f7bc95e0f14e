"""What a row is: reading and writing it, its prompts, its tokens, where it comes from."""
