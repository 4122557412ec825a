"""The recordings: whole, parted so that no phrase crosses, and refused when they are not what they should be."""

import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from common.fetch import File, Folder, fetch, sha256
from speech import corpus
from speech.corpus import Bundle, Installed, Tarball, clusters, decode, parse, parts, prompts, words
from speech.signal import SAMPLE_RATE_HZ


def test_the_prompts_are_those_that_were_counted() -> None:
    known = prompts("allison")
    assert len(known) == 550
    seconds = sum(len(p.wave) for p in known.values()) / SAMPLE_RATE_HZ
    assert seconds == pytest.approx(24.16 * 60, abs=1)
    assert known["vm-goodbye"].text == "Goodbye"
    assert all(np.abs(p.wave).max() <= 1 and p.wave.any() and p.wave.dtype == np.float32 for p in known.values())
    assert not {"beep", "confbridge-join", "confbridge-leave", "vm-intro"} & known.keys(), "tones"
    assert not any(sign in p.text for p in known.values() for sign in "<>()")
    assert not any(name.startswith("silence/") for name in known)


@pytest.mark.parametrize(("voice", "said"), [("allison", 550), ("june", 509)])
def test_no_four_words_in_a_row_are_in_two_parts(voice: str, said: int) -> None:
    known, those = prompts(voice), parts(voice)
    found = {}
    for split, names in those.items():
        texts = [re.sub(r"[^\w'*# ]", " ", known[name].text.lower()).split() for name in names]
        found[split] = {" ".join(row) for s in texts for row in zip(s, s[1:], s[2:], s[3:], strict=False)}
    assert not found["train"] & found["test"]
    assert not found["train"] & found["val"]
    assert not found["val"] & found["test"]
    assert len(those["test"]) >= 60
    assert len(those["val"]) >= 30
    assert sum(map(len, those.values())) == len(known) == said


def test_held_out_prompts_are_sentences_of_all_lengths() -> None:
    for split in ("val", "test"):
        seconds = [len(prompts("allison")[name].wave) / SAMPLE_RATE_HZ for name in parts("allison")[split]]
        assert min(seconds) >= 1.5
        assert max(seconds) <= 8
        assert np.median(seconds) == pytest.approx(2.7, abs=0.4)
        assert all(len(words(prompts("allison")[name].text)) >= 4 for name in parts("allison")[split])


def test_another_voice_says_it_in_her_language() -> None:
    assert prompts("june")["activated"].text == "activé"
    with pytest.raises(ValueError, match="voice: given 'lena', wanted one of allison, june"):
        prompts("lena")


def test_texts_that_share_a_phrase_are_together() -> None:
    texts = {
        "a": "press one to go on",
        "b": "then press one to go",
        "c": "we then press one to stop",
        "d": "goodbye",
        "e": "Goodbye!",
        "f": "press one",
    }
    assert sorted(map(sorted, clusters(texts))) == [["a", "b", "c"], ["d", "e"], ["f"]]


def test_words_and_lines_of_the_list() -> None:
    assert words("Press *, or 1: it's OK.") == ["press", "*", "or", "1", "it's", "ok"]
    lines = "; a comment\nhello: Hello: you!\nbeep: [a beep]\nsilence/1: (1 second of silence)\nempty:\n"
    lines += 'join: <beep ascending>\niax: IAX (note: does not say "2")\nend: Speak. (simple tone sound plays)\n'
    assert parse(lines) == {"hello": "Hello: you!", "iax": "IAX"}


def test_a_bundle_depends_on_content_alone(tmp_path: Path) -> None:
    for folder, order in (("one", ("a", "b/c")), ("two", ("b/c", "a"))):
        for name in order:
            path = tmp_path / folder / f"{name}.g722"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
        (tmp_path / folder / "other.txt").write_text(folder)
    archive = tmp_path / "voice.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "two", ".")
    sources = [Installed(str(tmp_path / "one")), Installed(str(tmp_path / "two")), Tarball(archive.as_uri())]
    found = set()
    for i, source in enumerate(sources):
        scratch = tmp_path / f"scratch{i}"
        scratch.mkdir()
        found.add(sha256(Bundle(source).get(scratch)))
    assert len(found) == 1
    (tmp_path / "one" / "a.g722").write_bytes(b"trunc")
    damaged = File(
        "voice.tar", found.pop(), (Bundle(sources[0]), Bundle(Installed(str(tmp_path / "none"))), Bundle(sources[2]))
    )
    assert fetch(damaged, cache=tmp_path / "cache").is_file(), "the next source is asked"
    (tmp_path / "portal.html").write_text("<html>Please log in</html>")
    archive.write_bytes(archive.read_bytes()[:-20])
    for path in (tmp_path / "portal.html", archive):
        with pytest.raises(OSError, match="given no whole archive"):
            Tarball(path.as_uri()).get(tmp_path / f"scratch-{path.name}")
    gone = File("other.tar", damaged.sha256, damaged.sources[:2])
    with pytest.raises(
        ValueError, match=r"other\.tar: given no source that has it, wanted one of: .*has sha256 .*no such folder"
    ):
        fetch(gone, cache=tmp_path / "cache")


def test_a_file_without_sound_is_refused() -> None:
    assert len(decode(b"\x00" * 100, "a.g722")) == 200
    with pytest.raises(ValueError, match=r"a\.g722: given 0 bytes, wanted a G\.722 sound"):
        decode(b"", "a.g722")


def test_the_list_comes_from_a_folder_a_package_or_upstream() -> None:
    _, sounds, texts = corpus.VOICES["allison"]
    assert isinstance(texts.sources[0], Folder)
    assert [source.describe() for source in sounds.sources] == [
        "/usr/share/asterisk/sounds/en_US_f_Allison",
        "Debian package asterisk-core-sounds-en-g722",
        "https://downloads.asterisk.org/pub/telephony/sounds/releases/asterisk-core-sounds-en-g722-1.6.1.tar.gz",
    ]
