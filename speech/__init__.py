"""Speech: a waveform from its features."""
