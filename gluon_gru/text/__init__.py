"""Text in, tokens, vocabularies and minibatches out."""
