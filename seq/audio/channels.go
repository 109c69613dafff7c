package audio

import (
	"fmt"
	"strconv"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Channels says which of a recording's channels are read: one by its number, from 1, or one of the values below.
type Channels int

const (
	Mix   Channels = 0  // the mean of all
	Each  Channels = -1 // every channel by itself
	Left  Channels = 1
	Right Channels = 2
)

// maxChannels bounds the channels of a recording, and of a choice.
const maxChannels = 1 << 16

// ParseChannels reads mix, each, left, right or a number from 1.
func ParseChannels(text string) (Channels, error) {
	for name, c := range map[string]Channels{"mix": Mix, "each": Each, "left": Left, "right": Right} {
		if text == name {
			return c, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxChannels {
		return 0, fmt.Errorf("the channel is %q; it must be mix, left, right, each, or a number from 1", excerpt.Of(text))
	}
	return Channels(n), nil
}

// of lists what is read of a recording with n channels: Mix, or numbers of channels.
func (c Channels) of(n int) (picks []Channels, err error) {
	switch {
	case c == Each:
		for i := range n {
			picks = append(picks, Channels(i+1))
		}
	case int(c) > n:
		return nil, fmt.Errorf("audio: there is no channel %d; the recording has %d", int(c), n)
	default:
		picks = []Channels{c}
	}
	return picks, nil
}

// pick appends what c has of the frames in block: a channel, or the means over all.
func (c Channels) pick(dst, block []float32, channels int) []float32 {
	if channels == 1 {
		return append(dst, block...)
	}
	for ; len(block) > 0; block = block[channels:] {
		if c != Mix {
			dst = append(dst, block[c-1])
			continue
		}
		sum := 0.0
		for _, v := range block[:channels] {
			sum += float64(v)
		}
		dst = append(dst, float32(sum/float64(channels)))
	}
	return dst
}
