package audio

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/wholefile"
)

// Write writes the clip to path as a WAV file of one channel and 16 bits, whole or
// not at all. Samples are rounded to the nearest of 65,536 steps of 2⁻¹⁵; those beyond
// [−1, 1) become the outermost.
//
// Errors: a rate that is not from 1 to 2²⁴, a sample that is NaN, more samples than
// the format's sizes can say.
func Write(path string, c Clip) error {
	data, err := Encode(c)
	if err != nil {
		return err
	}
	if err := wholefile.Write(path, data); err != nil {
		return fmt.Errorf("audio: %w", err)
	}
	return nil
}

// Encode returns the clip as what Write writes: 44 bytes of header, and then the samples.
//
// Errors: those of the clip.
func Encode(c Clip) ([]byte, error) {
	const header = 44
	if err := checkRate("the clip's rate", c.Rate); err != nil {
		return nil, err
	}
	if len(c.Samples) > (openSize-header)/2 {
		return nil, fmt.Errorf("audio: the clip has %d samples; a WAV file takes at most %d", len(c.Samples), (openSize-header)/2)
	}
	size := uint32(2 * len(c.Samples))
	le := binary.LittleEndian
	b := append(make([]byte, 0, header+size), "RIFF"...)
	b = append(le.AppendUint32(b, header-8+size), "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, tagPCM)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, uint32(c.Rate))
	b = le.AppendUint32(b, uint32(2*c.Rate))
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 16)
	b = le.AppendUint32(append(b, "data"...), size)
	for i, v := range c.Samples {
		if v != v {
			return nil, fmt.Errorf("audio: sample %d is NaN; it must be a number", i)
		}
		q := math.RoundToEven(max(-1<<15, min(1<<15-1, float64(v)*(1<<15))))
		b = le.AppendUint16(b, uint16(int16(q)))
	}
	return b, nil
}
