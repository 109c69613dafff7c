package picture

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Tags of a TIFF's directory.
const (
	tagWidth       = 256
	tagHeight      = 257
	tagBits        = 258
	tagCompression = 259
	tagPhotometric = 262
	tagFillOrder   = 266
	tagOffsets     = 273
	tagOrientation = 274
	tagSamples     = 277
	tagStripRows   = 278
	tagCounts      = 279
	tagPlanar      = 284
	tagPredictor   = 317
	tagPalette     = 320
	tagTileWidth   = 322
	tagTileHeight  = 323
	tagTileOffsets = 324
	tagTileCounts  = 325
	tagInkSet      = 332
	tagExtra       = 338
	tagFormat      = 339
	tagJPEGTables  = 347
)

// What a TIFF's samples are (photometric interpretation).
const (
	tiffWhite   = 0 // grey, 0 is white
	tiffBlack   = 1
	tiffRGB     = 2
	tiffPalette = 3
	tiffInks    = 5
	tiffYCbCr   = 6
)

// tiffFile is the first picture of a TIFF.
type tiffFile struct {
	file  []byte
	order binary.ByteOrder
	tags  map[uint16]tiffField

	w, h               int
	depth, samples     int // bits of a sample, and samples of a pixel
	photometric        int
	compression        int
	planar             bool // each sample has strips of its own
	tiled              bool
	blockW, blockH     int // of strips or tiles
	across, downBlocks int // blocks
	offsets, counts    []uint32
	alpha              int // 0: none, 1: colours are multiplied by it, 2: they are not
	palette            []uint32
}

// tiffField is an entry of the directory.
type tiffField struct {
	kind uint16
	data []byte
}

func openTIFF(file []byte) (*File, error) {
	if len(file) < 8 {
		return nil, errEnds
	}
	t := &tiffFile{file: file, order: binary.LittleEndian, tags: map[uint16]tiffField{}}
	if file[0] == 'M' {
		t.order = binary.BigEndian
	}
	if err := t.directory(uint64(t.order.Uint32(file[4:]))); err != nil {
		return nil, err
	}
	if err := t.header(); err != nil {
		return nil, err
	}
	return &File{W: t.w, H: t.h, Orientation: t.number(tagOrientation, 1), decoder: t}, nil
}

// tiffSizes is the bytes of a value of each kind: bytes, text, 16 and 32 bits, fractions.
var tiffSizes = [...]uint64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4}

func (t *tiffFile) directory(at uint64) error {
	if at+2 > uint64(len(t.file)) {
		return errEnds
	}
	n := uint64(t.order.Uint16(t.file[at:]))
	if at+2+12*n > uint64(len(t.file)) {
		return errEnds
	}
	for i := range n {
		e := t.file[at+2+12*i:][:12]
		kind, count := t.order.Uint16(e[2:]), uint64(t.order.Uint32(e[4:]))
		if int(kind) >= len(tiffSizes) {
			continue
		}
		size := count * tiffSizes[kind]
		data := e[8:]
		if size > 4 {
			from := uint64(t.order.Uint32(e[8:]))
			if from+size > uint64(len(t.file)) {
				return errEnds
			}
			data = t.file[from:]
		}
		t.tags[t.order.Uint16(e)] = tiffField{kind, data[:size]}
	}
	return nil
}

// numbers returns the values of a tag.
func (t *tiffFile) numbers(tag uint16) []uint32 {
	f := t.tags[tag]
	var all []uint32
	switch f.kind {
	case 1:
		for _, v := range f.data {
			all = append(all, uint32(v))
		}
	case 3:
		for d := f.data; len(d) > 0; d = d[2:] {
			all = append(all, uint32(t.order.Uint16(d)))
		}
	case 4, 13:
		for d := f.data; len(d) > 0; d = d[4:] {
			all = append(all, t.order.Uint32(d))
		}
	}
	return all
}

// number returns the first value of a tag.
func (t *tiffFile) number(tag uint16, otherwise int) int {
	if all := t.numbers(tag); len(all) > 0 {
		return int(all[0])
	}
	return otherwise
}

// header reads the tags that say what the samples are and where.
func (t *tiffFile) header() error {
	t.w, t.h = t.number(tagWidth, 0), t.number(tagHeight, 0)
	t.depth, t.samples = t.number(tagBits, 1), t.number(tagSamples, 1)
	t.photometric, t.compression = t.number(tagPhotometric, tiffBlack), t.number(tagCompression, tiffPlain)
	if t.w < 1 || t.h < 1 {
		return fmt.Errorf("its header declares %d×%d pixels", t.w, t.h)
	}
	for _, b := range t.numbers(tagBits) {
		if int(b) != t.depth {
			return errors.New("its samples have several depths, which is not read")
		}
	}
	for _, f := range t.numbers(tagFormat) {
		if f != 1 {
			return fmt.Errorf("its samples are of the format %d; whole numbers without a sign (1) are read", f)
		}
	}
	colours := map[int]int{tiffWhite: 1, tiffBlack: 1, tiffRGB: 3, tiffPalette: 1, tiffInks: 4, tiffYCbCr: 3}[t.photometric]
	switch {
	case colours == 0:
		return fmt.Errorf("its photometric interpretation is %d; grey, RGB, palettes, CMYK and YCbCr (0 to 3, 5, 6) are read", t.photometric)
	case t.photometric == tiffYCbCr && t.compression != tiffJPEG:
		return errors.New("it has YCbCr samples that are not compressed as JPEG, which are not read")
	case t.photometric == tiffInks && t.number(tagInkSet, 1) != 1:
		return errors.New("it has inks other than CMYK, which are not read")
	case t.samples < colours || t.samples > colours+4:
		return fmt.Errorf("it has %d samples a pixel for %d colours", t.samples, colours)
	case t.depth != 8 && t.depth != 16 && !(t.samples == 1 && (t.depth == 1 || t.depth == 2 || t.depth == 4)):
		return fmt.Errorf("it has %d samples of %d bits, which are not read", t.samples, t.depth)
	case t.photometric == tiffPalette && t.depth > 8:
		return fmt.Errorf("it has a palette for %d bits", t.depth)
	}
	if extra := t.number(tagExtra, 0); t.samples > colours && (extra == 1 || extra == 2) {
		t.alpha = extra
	}
	if t.photometric == tiffPalette {
		if t.palette = t.numbers(tagPalette); len(t.palette) != 3<<t.depth {
			return fmt.Errorf("its palette has %d values, not %d", len(t.palette), 3<<t.depth)
		}
	}
	t.planar = t.number(tagPlanar, 1) == 2 && t.samples > 1
	return t.blocks()
}

// blocks reads where strips or tiles are.
func (t *tiffFile) blocks() error {
	t.blockW, t.blockH = t.w, min(t.number(tagStripRows, t.h), t.h)
	offsets, counts := uint16(tagOffsets), uint16(tagCounts)
	if _, t.tiled = t.tags[tagTileWidth]; t.tiled {
		t.blockW, t.blockH = t.number(tagTileWidth, 0), t.number(tagTileHeight, 0)
		offsets, counts = tagTileOffsets, tagTileCounts
		if most := 1 << 12; t.blockW > max(most, t.w+16) || t.blockH > max(most, t.h+16) {
			return fmt.Errorf("its tiles have %d×%d pixels", t.blockW, t.blockH)
		}
	}
	if t.blockW < 1 || t.blockH < 1 {
		return fmt.Errorf("its strips or tiles have %d×%d pixels", t.blockW, t.blockH)
	}
	t.across, t.downBlocks = (t.w+t.blockW-1)/t.blockW, (t.h+t.blockH-1)/t.blockH
	t.offsets, t.counts = t.numbers(offsets), t.numbers(counts)
	n := uint64(t.across) * uint64(t.downBlocks)
	if t.planar {
		n *= uint64(t.samples)
	}
	if len(t.counts) == 0 && n == 1 && len(t.offsets) == 1 { // old files leave it out
		t.counts = []uint32{uint32(max(0, len(t.file)-int(t.offsets[0])))}
	}
	if uint64(len(t.offsets)) < n || uint64(len(t.counts)) < n {
		return fmt.Errorf("it has %d strips or tiles, and %d places of those", n, min(len(t.offsets), len(t.counts)))
	}
	for i := range n {
		if uint64(t.offsets[i])+uint64(t.counts[i]) > uint64(len(t.file)) {
			return errEnds
		}
	}
	return nil
}

// rowBytes is the bytes of a block's row, as its data have them.
func (t *tiffFile) rowBytes() int64 {
	n := int64(t.samples)
	if t.planar {
		n = 1
	}
	return (int64(t.blockW)*n*int64(t.depth) + 7) / 8
}

// Memory is the bytes that Rows takes at most: a strip or a row of tiles for each sample that has its own, and what
// uncompressing one takes.
func (t *tiffFile) Memory(int) int64 {
	planes := int64(1)
	if t.planar {
		planes = int64(t.samples)
	}
	one := t.rowBytes() * int64(t.blockH)
	return one*(planes*int64(t.across)+1) + 12*int64(len(t.offsets)) + 4*int64(t.w) + 1<<20
}
