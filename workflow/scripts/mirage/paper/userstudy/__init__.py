"""The user study of the paper's Appendix C.10: its page, the answers to it, and what they show.

``recipe`` says which models are compared, ``questions`` what is asked, ``page`` writes it into one
file that opens from disk; ``exports`` reads what annotators saved, ``poll`` counts it, and
``proportions`` and ``agreement`` are the statistics.
"""
