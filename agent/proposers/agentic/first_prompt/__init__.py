"""The first messages of a conversation: what the model is told before it does anything."""
