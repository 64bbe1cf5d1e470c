"""Turns a network of PyTorch into files that Ekman serves and trains; README.md beside this folder has the commands."""
