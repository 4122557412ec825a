"""What each phone asks of a female vocal tract, and how one becomes the next: segments -> the synthesiser's parameters.

Formants move as in Holmes, Mattingly and Shearme (1964), "Speech synthesis by rule": at each border the phone of higher
rank sets the value, a locus and a share of its neighbour's target (locus equations, Sussman et al. 1991), and how long
both sides take to get there. Vowels start from medians of the train prompts by linear prediction (order 11 at 11 kHz)
and were moved by hand; loci and shares are set by hand; noises are the train prompts' levels by band.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from speech.tts.prosody import FRAME_S, FRICATIVES, GLIDES, NASALS, PAUSE, STOPS, VOICELESS, Segment
from speech.tts.spoken import PHONES, VOWELS

FORMANTS = 7
CASCADE = 6  # of them are in the cascade; frication has them all
HIGH_HZ = (5100.0, 6500.0, 7500.0)  # F5 to F7, the same for all
F4_HZ = (3450.0, 0.47, 3850.0, 4550.0)  # F4 is the first and this share of F2, within the others
NOISES = FORMANTS  # levels of frication: through F2 to F7, and past them
OFF_DB, FULL_DB = 0.0, 60.0  # silence, and what a stressed vowel is voiced with
NASAL_HZ, NASAL_ZERO_HZ = 300.0, 420.0  # the pole; where its zero goes to in nasals, cancelling it elsewhere

# F1, F2, F3 in Hz; of diphthongs where they begin.
VOWEL_HZ = {
    "AA": (800, 1340, 2850), "AE": (820, 1930, 2950), "AH": (700, 1450, 2900), "AO": (600, 1000, 2750),
    "AW": (860, 1650, 2900), "AY": (850, 1480, 2850), "EH": (690, 1960, 2980), "ER": (490, 1550, 1980),
    "EY": (520, 2250, 2950), "IH": (460, 2150, 2950), "IY": (340, 2600, 3050), "OW": (600, 1250, 2850),
    "OY": (540, 950, 2800), "UH": (480, 1280, 2700), "UW": (370, 1450, 2700),
}  # fmt: skip
GLIDE_HZ = {  # where diphthongs end
    "AW": (560, 1150, 2850), "AY": (480, 2250, 2950), "EY": (390, 2500, 3050), "OW": (430, 1000, 2800),
    "OY": (440, 2200, 2850),
}  # fmt: skip
REDUCED_HZ = {"AH": (520, 1650, 2900), "IH": (430, 2050, 2900)}  # without stress
CONSONANT_HZ = {  # F1, F2, F3: of glides and liquids targets, of others what borders tend to
    "L": (390, 1060, 3150), "R": (410, 1400, 1950), "W": (330, 750, 2600), "Y": (290, 2600, 3250),
    "M": (290, 950, 2600), "N": (290, 1850, 2950), "NG": (290, 2300, 2750),
    "P": (300, 900, 2500), "B": (250, 900, 2500), "T": (300, 1950, 3050), "D": (250, 1950, 3050),
    "K": (300, 2300, 2700), "G": (250, 2300, 2700), "CH": (300, 2150, 3050), "JH": (250, 2150, 3050),
    "F": (330, 1100, 2600), "V": (300, 1100, 2600), "TH": (330, 1550, 2850), "DH": (300, 1550, 2850),
    "S": (330, 1900, 2950), "Z": (300, 1900, 2950), "SH": (330, 2150, 3050), "ZH": (300, 2150, 3050),
}  # fmt: skip
BACK_VELAR_HZ = (1450.0, 2350.0)  # F2, F3 of velars beside a vowel whose F2 is under FRONT_HZ
FRONT_HZ = 1800.0


class Border(NamedTuple):
    """Of a phone: its rank, the neighbour's share of F1, F2, F3 at the border, and seconds inside and outside of it."""

    rank: int
    share: tuple[float, float, float]
    inside_s: float
    outside_s: float


VOWEL_BORDER = Border(0, (0.5, 0.5, 0.5), 0.06, 0.06)
BORDERS = {
    **dict.fromkeys("WY", Border(1, (0.4, 0.4, 0.4), 0.04, 0.065)),
    **dict.fromkeys("LR", Border(1, (0.4, 0.4, 0.3), 0.04, 0.1)),
    **dict.fromkeys(("M", "P", "B", "F", "V"), Border(3, (0.4, 0.7, 0.7), 0.02, 0.045)),
    **dict.fromkeys(("N", "T", "D", "S", "Z"), Border(3, (0.4, 0.45, 0.5), 0.02, 0.05)),
    **dict.fromkeys(("TH", "DH"), Border(3, (0.4, 0.5, 0.6), 0.02, 0.05)),
    **dict.fromkeys(("SH", "ZH", "CH", "JH"), Border(3, (0.4, 0.3, 0.5), 0.02, 0.06)),
    **dict.fromkeys(("K", "G", "NG"), Border(3, (0.4, 0.5, 0.5), 0.02, 0.06)),
}

COLOURED_S = 0.16  # outside of an R that follows: a vowel is coloured by it from early on

# Frication in dB through F2 to F7 and past them, FULL_DB where as strong in 500 Hz as a vowel is on the whole.
NOISE_DB = {
    "F": (12, 12, 12, 13, 15, 17, 12), "TH": (7, 7, 8, 9, 12, 12, 6), "S": (14, 17, 23, 28, 36, 36, 10),
    "SH": (31, 38, 46, 39, 38, 34, 15), "P": (27, 24, 20, 16, 14, 12, 22), "T": (22, 27, 33, 34, 34, 30, 18),
    "K": (34, 30, 24, 20, 18, 16, 14), "CH": (31, 38, 46, 39, 38, 34, 15),
}  # fmt: skip
VOICED_AS = {"V": "F", "DH": "TH", "Z": "S", "ZH": "SH", "B": "P", "D": "T", "G": "K", "JH": "CH"}
SOFTER_DB = {"V": 9.0, "DH": 9.0, "Z": 1.0, "ZH": 3.0, "B": 10.0, "D": 10.0, "G": 3.0, "JH": 3.0}
NOISE_GAIN_DB = 9.0  # from those levels to the synthesiser's
OPEN_HZ = (90.0, 110.0, 170.0, 250.0, 350.0, 450.0, 550.0)  # bandwidths of F1 to F7 in vowels
CLOSED_HZ = (200.0, 200.0, 300.0, 350.0, 400.0, 500.0, 600.0)  # and where the tract is narrow or the glottis open

OPEN_TILT_DB, NASAL_TILT_DB, CLOSED_TILT_DB = 9.0, 12.0, 30.0
FADE_DB, FADE_S = 12.0, 0.18  # of the voice before a pause
BREATH_DB, ASPIRATION_DB = 26.0, 40.0  # in vowels, and after stops


class Parameters(NamedTuple):
    """A row each FRAME_S, float64: `formants_hz`, `bandwidths_hz` (frames, FORMANTS), `noise_db` (frames, NOISES), else
    (frames,). Levels are in dB, OFF_DB or less being silence; `tilt_db` is what voicing loses at 3 kHz."""

    f0_hz: np.ndarray
    voicing_db: np.ndarray
    aspiration_db: np.ndarray
    tilt_db: np.ndarray
    formants_hz: np.ndarray
    bandwidths_hz: np.ndarray
    nasal_zero_hz: np.ndarray
    noise_db: np.ndarray


def tracks(segments: Sequence[Segment], f0_hz: np.ndarray) -> Parameters:
    """Parameters (frames) of phones that lie end to end, with F0 (frames,) at each.

    Raises:
        ValueError: no segments, unknown phones, gaps between them, or an F0 of another length.
    """
    edges = check_segments(segments)
    if np.shape(f0_hz) != (edges[-1],):
        raise ValueError(f"f0_hz: given shape {np.shape(f0_hz)}, wanted {edges[-1]} frames, as long as its segments")
    drive = Drive(segments, edges)
    formants = formant_tracks(segments, edges, drive.releases)
    return Parameters(
        f0_hz=np.asarray(f0_hz, np.float64),
        voicing_db=smoothed(drive.voicing, 3) - fade_db(segments, edges),
        aspiration_db=smoothed(drive.aspiration, 3),
        tilt_db=smoothed(drive.tilt, 5),
        formants_hz=with_high_formants(formants),
        bandwidths_hz=smoothed(drive.bandwidths, 5),
        nasal_zero_hz=smoothed(drive.zero, 9),
        noise_db=np.where(drive.abrupt[:, None], drive.noise, smoothed(drive.noise, 5)),
    )


def check_segments(segments: Sequence[Segment]) -> np.ndarray:
    """Where they begin and end, in frames (len(segments) + 1,)."""
    unknown = sorted({segment.name for segment in segments} - {*PHONES, PAUSE})
    if unknown or not segments:
        raise ValueError(f"segments: given {', '.join(unknown) or 'none'}, wanted phones of spoken.PHONES or {PAUSE}")
    for one, other in pairwise(segments):
        if abs(one.end_s - other.start_s) > FRAME_S / 2:
            raise ValueError(f"segments: given {one} before {other}, wanted each to begin where the last one ends")
    times = [segments[0].start_s, *(segment.end_s for segment in segments)]
    return np.round((np.array(times) - times[0]) / FRAME_S).astype(int)


def smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """Means over `width` frames (odd) around each; the first axis is time."""
    sides = [(width // 2, width // 2)] + [(0, 0)] * (values.ndim - 1)
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, sides, "edge"), width, 0).mean(-1)


def fade_db(segments: Sequence[Segment], edges: np.ndarray) -> np.ndarray:
    """How much softer the voice is at each frame, because a pause is near."""
    out = np.zeros(edges[-1])
    for k in (i for i, segment in enumerate(segments) if segment.name == PAUSE and i):
        away = (edges[k] - np.arange(edges[k])) * FRAME_S
        out[: edges[k]] += FADE_DB * np.clip(1 - away / FADE_S, 0, 1) ** 2
    return out


# Formants


def formant_tracks(segments: Sequence[Segment], edges: np.ndarray, releases: np.ndarray) -> np.ndarray:
    """F1, F2, F3 (frames, 3). A stop's tract opens at its release; pauses and HH have that of their neighbours."""
    shaped = [i for i, segment in enumerate(segments) if segment.name not in (PAUSE, "HH")]
    out = np.tile(np.array(REDUCED_HZ["AH"], float), (edges[-1], 1))
    if not shaped:
        return out
    first = next(i for i, segment in enumerate(segments) if segment.name != PAUSE)
    inner = [releases[i] or edges[i + 1] for i in shaped[:-1]]
    spans = [int(edges[first]), *inner, int(edges[shaped[-1] + 1])]
    borders = [border(segments[a], segments[b]) for a, b in pairwise(shaped)]
    for k, i in enumerate(shaped):
        left, right = borders[k - 1] if k else None, borders[k] if k < len(borders) else None
        out[spans[k] : spans[k + 1]] = course(segments[i], spans[k + 1] - spans[k], left, right)
    out[: spans[0]], out[spans[-1] :] = out[spans[0]], out[spans[-1] - 1]
    return out


def with_high_formants(formants_hz: np.ndarray) -> np.ndarray:
    """(frames, FORMANTS), of F1 to F3 (frames, 3)."""
    start, share, low, high = F4_HZ
    fourth = np.clip(start + share * formants_hz[:, 1:2], low, high)
    return np.concatenate([formants_hz, fourth, np.tile(HIGH_HZ, (len(formants_hz), 1))], 1)


def ends(segment: Segment) -> tuple[np.ndarray, np.ndarray]:
    """Formants (3,) that a phone begins and ends with, were it alone."""
    name = segment.name
    if name not in VOWELS:
        return np.array(CONSONANT_HZ[name], float), np.array(CONSONANT_HZ[name], float)
    start = VOWEL_HZ[name] if segment.stress or name not in REDUCED_HZ else REDUCED_HZ[name]
    return np.array(start, float), np.array(GLIDE_HZ.get(name, start), float)


def border(one: Segment, other: Segment) -> tuple[np.ndarray, float, float]:
    """Formants (3,) between two phones, and how many seconds before and after it they are moving."""
    first, second = BORDERS.get(one.name, VOWEL_BORDER), BORDERS.get(other.name, VOWEL_BORDER)
    end, start = ends(one)[1], ends(other)[0]
    if first.rank == second.rank:
        return (end + start) / 2, first.inside_s, second.inside_s
    if first.rank > second.rank:
        return toward(one, start), first.inside_s, first.outside_s
    return toward(other, end), COLOURED_S if other.name == "R" else second.outside_s, second.inside_s


def toward(segment: Segment, neighbour: np.ndarray) -> np.ndarray:
    """Formants (3,) where a consonant meets what has the target `neighbour` (3,)."""
    locus = np.array(CONSONANT_HZ[segment.name], float)
    if segment.name in ("K", "G", "NG") and neighbour[1] < FRONT_HZ:
        locus[1:] = BACK_VELAR_HZ
    return locus + np.array(BORDERS[segment.name].share) * (neighbour - locus)


def course(segment: Segment, frames: int, left: tuple | None, right: tuple | None) -> np.ndarray:
    """(frames, 3): a phone's own formants, bent to what `left` and `right` borders ask for."""
    start, end = ends(segment)
    at = (np.arange(frames) + 0.5) / max(frames, 1)
    if segment.name not in VOWELS and segment.name not in GLIDES:  # closed: from border to border
        start[1:], end[1:] = (left or right or (start,))[0][1:], (right or left or (end,))[0][1:]
        own = start + (end - start) * at[:, None]
    else:
        own = start + (end - start) * (0.5 - 0.5 * np.cos(np.pi * np.clip((at - 0.2) / 0.7, 0, 1)))[:, None]
    bent = own.copy()
    if left:
        bent += (left[0] - start) * fading(at * frames, min(left[2] / FRAME_S, frames))[:, None]
    if right:
        bent += (right[0] - end) * fading((1 - at) * frames, min(right[1] / FRAME_S, frames))[:, None]
    return bent


def fading(frames: np.ndarray, length: float) -> np.ndarray:
    """From 1 to 0 over `length`."""
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(frames / max(length, 1), 0, 1))


# Sources


class Drive:
    """What drives the tract, a row a frame, before it is smoothed; `abrupt` where it may not be.

    `releases` (segments,) are the frames in which stops open, 0 for others.
    """

    def __init__(self, segments: Sequence[Segment], edges: np.ndarray) -> None:
        frames = int(edges[-1])
        self.voicing, self.aspiration = np.full(frames, OFF_DB), np.full(frames, OFF_DB)
        self.tilt, self.zero = np.full(frames, OPEN_TILT_DB), np.full(frames, NASAL_HZ)
        self.noise = np.full((frames, NOISES), OFF_DB)
        self.bandwidths = np.tile(np.array(OPEN_HZ), (frames, 1))
        self.abrupt = np.zeros(frames, bool)
        self.releases = np.zeros(len(segments), int)
        for i, segment in enumerate(segments):
            near = [segments[k].name if 0 <= k < len(segments) else PAUSE for k in (i - 1, i + 1)]
            stress = segments[i + 1].stress if i + 1 < len(segments) else 0
            self.fill(i, segment, (int(edges[i]), int(edges[i + 1])), (near[0], near[1], stress))

    def fill(self, i: int, segment: Segment, span: tuple[int, int], near: tuple[str, str, int]) -> None:
        """One phone, by its manner."""
        name, whole = segment.name, slice(*span)
        if name in VOWELS or name in GLIDES:
            self.voicing[whole] = FULL_DB - (0 if segment.stress else 2) - (3 if name in GLIDES else 0)
            self.aspiration[whole] = BREATH_DB
        elif name in NASALS:
            self.voicing[whole], self.tilt[whole], self.zero[whole] = FULL_DB - 2, NASAL_TILT_DB, NASAL_ZERO_HZ
            self.bandwidths[whole] = CLOSED_HZ
        elif name == "HH":
            self.aspiration[whole], self.voicing[whole] = ASPIRATION_DB - 6, FULL_DB - 16
            self.bandwidths[whole] = CLOSED_HZ
        elif name in FRICATIVES:
            self.rub(name, whole)
        elif name != PAUSE:
            self.stop(i, name, span, near)

    def rub(self, name: str, whole: slice) -> None:
        """Frication, with a voice behind it in voiced phones."""
        self.bandwidths[whole] = CLOSED_HZ
        self.noise[whole] = noise_db(name)
        if name not in VOICELESS:
            self.voicing[whole], self.tilt[whole] = FULL_DB - 10, NASAL_TILT_DB

    def stop(self, i: int, name: str, span: tuple[int, int], near: tuple[str, str, int]) -> None:
        """Closure, burst, and what follows it."""
        start, end = span
        burst, after = release(name, near)
        length = end - start
        after = min(after, max(0, length - burst - length // 2))
        if name in ("CH", "JH"):
            burst = max((length + 1) // 2, min(length - 5, 12))
        opened = end - min(burst + after, length)
        self.releases[i] = opened
        self.bandwidths[start:end] = CLOSED_HZ
        if name not in VOICELESS:
            self.voicing[start:opened], self.tilt[start:opened] = FULL_DB - 8, CLOSED_TILT_DB
            self.voicing[opened:end] = FULL_DB - (18 if name == "JH" else 6)
        flap = name in ("T", "D") and near[0] in VOWELS and near[1] in VOWELS and length * FRAME_S <= 0.035
        if flap:
            self.voicing[start:end], self.tilt[start:end] = FULL_DB - 8, NASAL_TILT_DB
            return
        self.abrupt[max(start, opened - 3) : min(end, opened + 3)] = True
        self.noise[opened : opened + burst] = noise_db(name)
        self.aspiration[opened + burst - 1 : end] = ASPIRATION_DB if name in VOICELESS else OFF_DB


def noise_db(name: str) -> np.ndarray:
    """Levels of frication (NOISES,)."""
    return np.array(NOISE_DB[VOICED_AS.get(name, name)], float) - SOFTER_DB.get(name, 0) + NOISE_GAIN_DB


def release(name: str, near: tuple[str, str, int]) -> tuple[int, int]:
    """Frames of a stop's burst and of the breath after it."""
    before, after, stress = near
    burst = 2 if name in ("P", "B") else 4 if name in ("K", "G") else 3
    if name not in ("P", "T", "K") or after in STOPS | NASALS | FRICATIVES | {"CH", "JH", "HH"}:
        return burst, 0
    if before == "S":
        return burst, 1
    return burst, 9 if stress else 6
