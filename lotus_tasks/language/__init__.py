"""What every module knows of written language: one home a rule."""
