"""Data: private and public photographs, decoded once into stores and views."""
