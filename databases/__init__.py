"""Where does a key stand? Learned and hand-written indexes over sorted tables."""
