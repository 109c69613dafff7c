package audio

import (
	"encoding/binary"
	"math"
)

// auKinds are AU's encodings by number, as AIFF names them, with their bits.
var auKinds = map[uint32]struct {
	kind string
	bits int
}{1: {"ulaw", 8}, 2: {"NONE", 8}, 3: {"NONE", 16}, 4: {"NONE", 24}, 5: {"NONE", 32}, 6: {"fl32", 32}, 7: {"fl64", 64}, 27: {"alaw", 8}}

// openAU opens an AU file: big-endian integers of 8 to 32 bits, floats, G.711's laws. A size of 0xffffffff is open.
func openAU(in input) (*stream, error) {
	d := decoder{input: in}
	var h [24]byte
	if err := d.read(h[:], "the AU header"); err != nil {
		return nil, err
	}
	be := binary.BigEndian
	offset, size, encoding, rate, channels := be.Uint32(h[4:]), be.Uint32(h[8:]), be.Uint32(h[12:]), be.Uint32(h[16:]), be.Uint32(h[20:])
	k, known := auKinds[encoding]
	switch {
	case !known:
		return nil, foreign("its AU encoding is %d", encoding)
	case offset < 24:
		return nil, bad("its samples begin at byte %d, within the header", offset)
	case channels < 1 || channels >= maxChannels:
		return nil, bad("it has %d channels; it must have from 1 to %d", channels, maxChannels-1)
	case rate < 1 || rate > maxRate:
		return nil, bad("its rate is %d; it must be from 1 to %d samples a second", rate, maxRate)
	}
	var err error
	if d.coding, err = bigEndian(k.kind, int(channels), k.bits); err != nil {
		return nil, err
	}
	d.channels, d.rate, d.riff = int(channels), int(rate), math.MaxUint64
	if err := d.skip("header", uint64(offset-24)); err != nil {
		return nil, err
	}
	return d.samplesOf(uint64(size), size == math.MaxUint32), nil
}
