import random

import pytest

from ragapp.generation.text_stream import TextStream
from ragapp.generation.tokens import Codec
from tests.tiny_llama import make_tokenizer

TEXT = "The dome 圆顶 opens 🌙 at dusk — 黄昏。\n\tnaïve café 𠮷野家"


@pytest.fixture(scope="module")
def codec():
    return Codec(make_tokenizer())


def streamed(decode, ids, stop=()):
    stream = TextStream(decode, stop=stop)
    pieces = []
    for token_id in ids:
        pieces.append(stream.push(token_id))
        if stream.stopped:
            break
    return [*pieces, stream.finish()]


def decode_letters(ids):
    return "".join(chr(token_id) for token_id in ids)


def test_pieces_join_to_what_decoding_at_once_gives(codec):
    ids = codec.encode_plain(TEXT)
    pieces = streamed(codec.decode, ids)
    assert len(ids) > len(TEXT) / 2
    assert "".join(pieces) == codec.decode(ids) == TEXT


def test_no_piece_holds_half_a_character(codec):
    byte_ids = [codec.encode_plain(char)[0] for char in "abc"]
    ids = [*byte_ids, *codec.encode_plain("鑿𠮷🌙"), *byte_ids]
    pieces = streamed(codec.decode, ids)
    assert [piece for piece in pieces if piece] == ["a", "b", "c", "鑿", "𠮷", "🌙", "a", "b", "c"]


@pytest.mark.parametrize("seed", range(20))
def test_random_ids_stream_to_what_decoding_at_once_gives(codec, seed):
    draw = random.Random(seed)
    ids = [draw.randrange(3, 300) for _ in range(60)]
    whole = codec.decode(ids)
    assert "".join(streamed(codec.decode, ids)).rstrip("\ufffd") == whole.rstrip("\ufffd")


def test_an_unfinished_character_at_the_end_is_left_out(codec):
    ids = codec.encode_plain("ab🌙")[:-1]
    assert "".join(streamed(codec.decode, ids)) == "ab"


@pytest.mark.parametrize("seed", range(20))
def test_stop_strings_cut_where_they_cut_the_whole_text(seed):
    draw = random.Random(seed)
    text = "".join(draw.choice("ab#。") for _ in range(80))
    stop = ["".join(draw.choice("ab#。") for _ in range(draw.randint(2, 5))) for _ in range(3)]
    cut = min((text.find(string) for string in stop if string in text), default=len(text))
    pieces = streamed(decode_letters, [ord(char) for char in text], stop)
    assert "".join(pieces) == text[:cut]


def test_a_stop_string_across_token_borders_never_shows():
    pieces = streamed(decode_letters, [ord(char) for char in "yes END no"], ["END"])
    assert "".join(pieces) == "yes "
    assert not any("E" in piece for piece in pieces)


def test_half_a_stop_string_at_the_end_is_text():
    assert "".join(streamed(decode_letters, [ord(char) for char in "yes EN"], ["END"])) == "yes EN"


def test_an_empty_stop_string_stops_nothing():
    assert "".join(streamed(decode_letters, [ord(char) for char in "yes"], [""])) == "yes"
