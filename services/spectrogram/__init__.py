"""Spectrogram service: a recording in, images in three resolutions out."""
