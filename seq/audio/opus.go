package audio

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/pion/opus"
)

// opusRate is that of decoders of Opus.
const opusRate = 48000

// maxOpus is the number of frames of the longest packet of Opus, 120 ms.
const maxOpus = opusRate * 120 / 1000

// opus opens a stream of Opus of one or two channels, whose first packet is head.
// Source: [rfc7845].
func (o *ogg) opus(head []byte) (*stream, error) {
	if len(head) < 19 {
		return nil, bad("its Opus header has %d bytes; it must have 19 or more", len(head))
	}
	channels, skip, family := int(head[9]), int(binary.LittleEndian.Uint16(head[10:])), head[18]
	switch {
	case head[8]>>4 != 0:
		return nil, foreign("its Opus header is of version %d", head[8])
	case family != 0 || channels > 2:
		return nil, foreign("its Opus has %d channels", channels)
	case channels == 0:
		return nil, bad("it has 0 channels; it must have 1 or 2")
	}
	gain := math.Pow(10, float64(signed(head[16:]))/(20*256))
	if _, err := o.headers(1); err != nil {
		return nil, err
	}
	d, err := opus.NewDecoderWithOutput(opusRate, channels)
	if err != nil {
		return nil, bad("Opus: %v", err)
	}
	return o.sound(opusRate, channels, skip, func(dst []float32, packet []byte) ([]float32, error) {
		from := len(dst)
		dst = slices.Grow(dst, maxOpus*channels)[:from+maxOpus*channels]
		n, err := guarded("Opus", func() (int, error) { return d.DecodeToFloat32(packet, dst[from:]) })
		if err != nil {
			return nil, err
		}
		dst = dst[:from+n*channels]
		if gain != 1 {
			for i := from; i < len(dst); i++ {
				dst[i] = float32(float64(dst[i]) * gain)
			}
		}
		return dst, nil
	}), nil
}
