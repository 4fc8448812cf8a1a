"""Fingerprints as they are stored: landmarks of a recording, in the order of time.

    header     16 bytes: b"DCFP", then format version, samples per second, number of landmarks, as uint32
    landmarks  8 bytes each: the frame of the earlier peak, and what is heard there, as uint32

All little-endian. A frame lasts `HOP` samples. What is heard is the bin of the earlier peak (10 bits), how many bins
higher the later one is, plus 128 (8 bits), and how many frames later (6 bits), the lowest bits last.
"""

MEDIA_TYPE = "application/vnd.dawnchorus.landmarks"
MAGIC = b"DCFP"
FORMAT_VERSION = 1
HEADER_BYTES = 16
HOP = 512

BINS_APART_MAX = 127
FRAMES_APART_MAX = 63
_FRAMES_APART_BITS = 6
_BINS_APART_BITS = 8

# One landmark in eight is looked up, chosen by what is heard: of the same sound, recordings keep the same ones.
LOOKED_UP_BITS = 3
# Knuth's multiplicative hash (The Art of Computer Programming, 6.4): neighbours must not be kept together.
LOOKED_UP_FACTOR = 2_654_435_761

ANCHOR_SHIFT = _BINS_APART_BITS + _FRAMES_APART_BITS
BINS_APART_SHIFT = _FRAMES_APART_BITS
BINS_APART_OFFSET = 128
