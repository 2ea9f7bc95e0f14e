"""The nano backbone: a Llama of about a million parameters and the small synthetic world it was trained on."""
