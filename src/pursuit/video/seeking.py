"""Where a frame lies in a file, found from the times of its packets, without decoding."""

from __future__ import annotations

from array import array
from typing import NamedTuple

from av.container import InputContainer
from av.video.stream import VideoStream

from pursuit.video.base import Start

# Codecs that have a packet with a time for every frame, and none for anything else.
_PACKET_A_FRAME = {"h264", "hevc", "av1", "vp9", "mpeg4", "mjpeg", "prores", "dnxhd", "ffv1"}
_WHOLE_FRAMES = (0, 1)  # field orders unknown and progressive: a packet is not half a frame
# Packets come in decoding order; no frame is shown before one this many packets earlier.
_REORDER = 64


class Spot(NamedTuple):
    """A frame's number, as frames are shown, and its time in ticks of the stream."""

    number: int
    pts: int


def find_spot(container: InputContainer, stream: VideoStream, start: Start) -> Spot | None:
    """Return where the frame `start` is; reads packets from the file's beginning.

    None where packets do not tell: then only decoding everything finds the frame. Beyond the
    end it is None too.
    """
    codec = stream.codec_context
    if codec.codec.canonical_name not in _PACKET_A_FRAME or codec.field_order not in _WHOLE_FRAMES:
        return None
    if stream.time_base is None:
        return None
    first = stream.start_time or 0
    limit = None if isinstance(start, int) else first + round(start / stream.time_base)
    times, later = array("q"), 0
    for packet in container.demux(stream):
        if packet.size == 0 or packet.is_discard:
            continue
        if packet.pts is None:
            return None
        times.append(packet.pts)
        later += (len(times) > start) if limit is None else (packet.pts > limit)
        if later > _REORDER:
            break
    shown = sorted(times)
    if limit is None:
        number = int(start)
    else:
        number = max(0, sum(time <= limit for time in shown) - 1)
    # The last frame has no next one that tells when it ends: leave it to the decoder.
    if number >= len(shown) - (limit is not None):
        return None
    return Spot(number, shown[number])
