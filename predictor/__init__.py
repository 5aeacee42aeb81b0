"""Learns when a contact answers: arrays in, probabilities out; knows no callbacks."""
