"""What a model file is, by its bytes: whole or not, of which kind, for which base model. Nothing in it is executed."""
