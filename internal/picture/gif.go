package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
)

// gifFile is a GIF, whose first frame is shown on a transparent ground.
type gifFile struct {
	file []byte
	w, h int
}

func openGIF(file []byte) (*File, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return &File{W: c.Width, H: c.Height, decoder: gifFile{file, c.Width, c.Height}}, nil
}

func (f gifFile) Memory(int) int64 { // one more to put an interlaced frame in order
	return 2*int64(f.w)*int64(f.h) + 4*int64(f.w) + 1<<16
}

func (f gifFile) Rows(_ int, use func(Row)) error {
	m, err := gif.Decode(bytes.NewReader(f.file))
	if err != nil {
		return err
	}
	frame, ok := m.(*image.Paletted)
	if !ok || frame.Rect.Empty() {
		return errors.New("its first frame is empty")
	}
	var colours [256][4]byte
	for i, c := range frame.Palette {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		colours[i] = [4]byte{n.R, n.G, n.B, n.A}
	}
	row := make([]byte, 4*f.w)
	for y := range f.h {
		clear(row)
		if y >= frame.Rect.Min.Y && y < frame.Rect.Max.Y {
			for x, v := range frame.Pix[(y-frame.Rect.Min.Y)*frame.Stride:][:frame.Rect.Dx()] {
				copy(row[4*(frame.Rect.Min.X+x):], colours[v][:])
			}
		}
		use(Row{Pix: row, Y: y, Step: 1})
	}
	return nil
}
