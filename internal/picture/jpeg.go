package picture

import "github.com/energo-ml/energo/internal/jpeg"

type jpegFile struct{ *jpeg.Picture }

func openJPEG(file []byte) (*File, error) {
	p, err := jpeg.Open(file)
	if err != nil {
		return nil, err
	}
	return &File{W: p.Width, H: p.Height, Orientation: orientation(p.Exif), Shrinks: true, decoder: jpegFile{p}}, nil
}

func (f jpegFile) Rows(shrink int, use func(Row)) error {
	return f.Picture.Rows(shrink, func(y int, pix []byte) { use(Row{Pix: pix, Y: y, Step: 1}) })
}
