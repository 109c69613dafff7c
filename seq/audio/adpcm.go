package audio

import "encoding/binary"

// adpcm is a coding of blocks by half bytes, each of which changes a prediction by a step that grows and shrinks: Microsoft's, or that of the IMA.
// Source: [wave1994].
type adpcm struct {
	channels, bytes, frames int      // of a block
	coefficients            [][2]int // of Microsoft's predictors; nil for the IMA's
}

// newADPCM returns the coding that a fmt chunk tells: extra is what follows its first 16 bytes.
func newADPCM(tag, channels, bytes, bits int, extra []byte) (coding, error) {
	a := adpcm{channels: channels, bytes: bytes}
	if bits != 4 {
		return nil, foreign("its ADPCM has %d bits a sample; it must have 4", bits)
	}
	if tag == tagMS {
		var err error
		if a.coefficients, err = predictors(extra); err != nil {
			return nil, err
		}
	}
	if bytes <= a.head()*channels {
		return nil, bad("its blocks of ADPCM with %d channels have %d bytes; they must have more than %d", channels, bytes, a.head()*channels)
	}
	a.frames = a.in(bytes)
	if len(extra) >= 4 {
		said := int(binary.LittleEndian.Uint16(extra[2:]))
		if said > a.frames {
			return nil, bad("its blocks of %d bytes have %d samples by its fmt chunk; they have room for %d", bytes, said, a.frames)
		}
	}
	return a, nil
}

// predictors reads the coefficients of Microsoft's predictors.
func predictors(extra []byte) (all [][2]int, err error) {
	if len(extra) < 6 {
		return nil, bad("its fmt chunk has no predictors, which its ADPCM needs")
	}
	n := int(binary.LittleEndian.Uint16(extra[4:]))
	if n < 1 || n > 256 || len(extra) < 6+4*n {
		return nil, bad("its fmt chunk says that it has %d predictors, and has %d bytes for them", n, len(extra)-6)
	}
	for at := 6; at < 6+4*n; at += 4 {
		all = append(all, [2]int{signed(extra[at:]), signed(extra[at+2:])})
	}
	return all, nil
}

// signed is an integer of 16 bits.
func signed(b []byte) int { return int(int16(binary.LittleEndian.Uint16(b))) }

// head is how many bytes a block begins with for each channel: what the first prediction is made from.
func (a adpcm) head() int {
	if a.coefficients != nil {
		return 7
	}
	return 4
}

// in is the number of frames in a block of some bytes, which may be short.
func (a adpcm) in(bytes int) int {
	rest := bytes - a.head()*a.channels
	switch {
	case rest < 0:
		return 0
	case a.coefficients != nil:
		return 2 + 2*rest/a.channels
	}
	return 1 + rest/(4*a.channels)*8
}

func (a adpcm) unit() int { return a.bytes }

func (a adpcm) whole(size uint64) (bytes, frames uint64) {
	return size, size/uint64(a.bytes)*uint64(a.frames) + uint64(a.in(int(size%uint64(a.bytes))))
}

func (a adpcm) decode(dst []float32, src []byte) []float32 {
	dst = dst[:0]
	for len(src) > 0 {
		block := src[:min(a.bytes, len(src))]
		src = src[len(block):]
		from, n := len(dst), a.in(len(block))*a.channels
		for range n {
			dst = append(dst, 0)
		}
		switch {
		case n == 0:
		case a.coefficients != nil:
			a.microsoft(dst[from:], block)
		default:
			a.ima(dst[from:], block)
		}
	}
	return dst
}

// clamp brings a sample into 16 bits.
func clamp(v int) int { return max(-1<<15, min(1<<15-1, v)) }

// imaSteps are the sizes of the IMA's steps.
var imaSteps = [89]int{
	7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307,
	337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358,
	5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
}

// imaChanges are those of the step, by the lower three bits.
var imaChanges = [8]int{-1, -1, -1, -1, 2, 4, 6, 8}

// ima decodes a block: a sample and a step a channel, then four bytes, eight samples, of each channel in turn.
func (a adpcm) ima(dst []float32, block []byte) {
	for c := range a.channels {
		v := signed(block[4*c:])
		step := min(int(block[4*c+2]), len(imaSteps)-1)
		dst[c] = float32(v) / (1 << 15)
		for t := 1; t < len(dst)/a.channels; t++ {
			k := t - 1 // of the half bytes
			b := block[4*a.channels+k/8*4*a.channels+4*c+k%8/2] >> (4 * (k & 1)) & 0xf
			size := imaSteps[step]
			d := size >> 3
			if b&4 != 0 {
				d += size
			}
			if b&2 != 0 {
				d += size >> 1
			}
			if b&1 != 0 {
				d += size >> 2
			}
			if b&8 != 0 {
				d = -d
			}
			v = clamp(v + d)
			step = max(0, min(len(imaSteps)-1, step+imaChanges[b&7]))
			dst[t*a.channels+c] = float32(v) / (1 << 15)
		}
	}
}

// msChanges are the factors of Microsoft's step, in 256ths, by the half byte.
var msChanges = [16]int{230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230}

// microsoft decodes a block: a predictor, a step and two samples a channel, then a half byte of each channel in turn, the upper one first.
func (a adpcm) microsoft(dst []float32, block []byte) {
	n := a.channels
	for c := range n {
		p := a.coefficients[min(int(block[c]), len(a.coefficients)-1)]
		step, last, before := signed(block[n+2*c:]), signed(block[3*n+2*c:]), signed(block[5*n+2*c:])
		dst[c], dst[n+c] = float32(before)/(1<<15), float32(last)/(1<<15)
		for t := 2; t < len(dst)/n; t++ {
			k := (t-2)*n + c // of the half bytes
			b := int(block[7*n+k/2] >> (4 * (1 - k&1)) & 0xf)
			d := b
			if b >= 8 {
				d -= 16
			}
			last, before = clamp((last*p[0]+before*p[1])>>8+d*step), last
			step = max(16, min(msChanges[b]*step>>8, 1<<24))
			dst[t*n+c] = float32(last) / (1 << 15)
		}
	}
}
