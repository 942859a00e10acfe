"""Language models: one Protocol (`base`), three backends, the Qwen chat format."""
