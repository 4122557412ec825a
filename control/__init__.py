"""Board games: a net that learned by self-play alone, beside players written by hand."""
