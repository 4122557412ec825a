"""Text to speech: the second domain of this folder, `domain=tts`."""
