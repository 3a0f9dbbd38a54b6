"""Sections of the configuration that are no recipe of a room: what stands where, and its type.

A section that holds a room's recipe has it as a field, or is one with what the study enters
itself taken out (``init=False``: no setting, only a value to try the others with).
"""
