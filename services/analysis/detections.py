"""What was detected in a recording: how often, how surely, and when."""

from collections import Counter
from dataclasses import asdict, dataclass

from .birdnet import Label
from .measures import Payload, Reason, absent, measured

_RATIO = "ratio"
_DETECTIONS = "detections"
_LABELS = "labels"


@dataclass(frozen=True)
class Detection:
    """A label that a part of the recording holds."""

    start_s: float
    end_s: float
    label: Label
    confidence: float

    def stated(self) -> Payload:
        """Return the detection in the form of a payload."""
        times = {"start_s": self.start_s, "end_s": self.end_s}
        return {**times, **asdict(self.label), "confidence": measured(self.confidence, unit=_RATIO)}


class DetectionTally:
    """Counts every detection, keeps the highest confidence of each label, and lists the first detections."""

    def __init__(self, *, listed_max: int) -> None:
        """Start with none."""
        self._listed_max = listed_max
        self._listed: list[Detection] = []
        self._counts: Counter[Label] = Counter()
        self._highest: dict[Label, float] = {}

    def add(self, detection: Detection) -> None:
        """Take the next detection."""
        label = detection.label
        self._counts[label] += 1
        self._highest[label] = max(self._highest.get(label, 0.0), detection.confidence)
        if len(self._listed) < self._listed_max:
            self._listed.append(detection)

    def stated(self) -> Payload:
        """Return all of it in the form of a payload, the surest label first, and detections in the order of time."""
        ranking = sorted(self._highest, key=lambda label: -self._highest[label])
        none = absent(Reason.NOTHING_ABOVE_THRESHOLD, unit=_RATIO)
        return {
            "species": measured(len(ranking), unit=_LABELS),
            "detections": measured(self._counts.total(), unit=_DETECTIONS),
            "highest_confidence": measured(self._highest[ranking[0]], unit=_RATIO) if ranking else none,
            "species_list": [self._summary(label) for label in ranking],
            "detection_list": [detection.stated() for detection in self._listed],
        }

    def _summary(self, label: Label) -> Payload:
        return {
            **asdict(label),
            "detections": measured(self._counts[label], unit=_DETECTIONS),
            "highest_confidence": measured(self._highest[label], unit=_RATIO),
        }


def untallied(reason: Reason) -> Payload:
    """State that nothing could be detected, and why."""
    units = {"species": _LABELS, "detections": _DETECTIONS, "highest_confidence": _RATIO}
    return {
        **{name: absent(reason, unit=unit) for name, unit in units.items()},
        "species_list": [],
        "detection_list": [],
    }
