package serve

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io/fs"
	"net/http"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/index"
	"golang.org/x/image/draw"
)

// PathField is the field of an item that says where its picture is. Options.Picture knows how to read
// it; clients cannot set it.
const PathField = "path"

// sent is an encoded picture in a request.
type sent struct {
	file  []byte
	place string // of the item whose it is, "" where there is one alone
}

// encode decodes pictures and returns their vectors. Pictures that are in memory together have no more pixels
// than one may have.
func (s *Server) encode(ctx context.Context, pictures []sent) (vectors [][]float32, err error) {
	if s.o.Encoder == nil {
		return nil, within(pictures[0].place, invalid("image", "this server has no network for pictures; send vectors"))
	}
	for len(pictures) > 0 {
		n, total := 0, 0
		for n < min(len(pictures), encodeBatch) {
			pixels, err := s.measure(pictures[n].file)
			if err != nil {
				return nil, within(pictures[n].place, err)
			}
			if n > 0 && total+pixels > s.o.Limits.Pixels {
				break
			}
			n, total = n+1, total+pixels
		}
		piece, err := s.encodePiece(ctx, pictures[:n], int64(total))
		if err != nil {
			return nil, err
		}
		vectors, pictures = append(vectors, piece...), pictures[n:]
	}
	return vectors, nil
}

// measure returns the pixels of a picture by its header, before anything is decoded.
func (s *Server) measure(file []byte) (int, error) {
	c, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return 0, invalid("image", "image is no picture that can be read: %v", err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > s.o.Limits.Pixels/c.Height {
		return 0, invalid("image", "image has %d×%d pixels; it must have from 1 to %d", c.Width, c.Height, s.o.Limits.Pixels)
	}
	return c.Width * c.Height, nil
}

// encodePiece decodes and encodes pictures, which have so many pixels together, once there is room for those.
func (s *Server) encodePiece(ctx context.Context, pictures []sent, pixels int64) ([][]float32, error) {
	if err := s.pixels.Acquire(ctx, pixels); err != nil {
		return nil, err
	}
	free := func() { s.pixels.Release(pixels) }
	queued := false
	defer func() {
		if !queued {
			free()
		}
	}()
	decoded := make([]image.Image, len(pictures))
	for i, p := range pictures {
		var err error
		if decoded[i], err = data.DecodePicture(bytes.NewReader(p.file), s.o.Limits.Pixels); err != nil {
			return nil, within(p.place, invalid("image", "image cannot be read: %v", err))
		}
	}
	queued = true // the pictures stay in memory when the context ends before they are encoded
	return s.encodes.do(ctx, free, decoded...)
}

// encodeAll is the work of a batch of pictures.
func (s *Server) encodeAll(pictures []image.Image) ([][]float32, error) {
	start := time.Now()
	dim := s.o.Encoder.Dim()
	flat := make([]float32, len(pictures)*dim)
	if err := s.o.Encoder.Encode(flat, pictures); err != nil {
		return nil, err
	}
	s.metrics.encoded(len(pictures), time.Since(start))
	vectors := make([][]float32, len(pictures))
	for i := range vectors {
		vectors[i] = flat[i*dim:][:dim:dim]
	}
	return vectors, nil
}

// thumbSize is the longest side of a thumbnail in pixels.
const thumbSize = 112

// thumb answers with the picture of an item, made small.
func (s *Server) thumb(w http.ResponseWriter, r *http.Request) error {
	item, err := s.item(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if s.thumbPath(item.ID, item.Fields) == "" {
		return absent("the item %q has no picture", item.ID)
	}
	small, err := s.thumbnail(r.Context(), item)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "private, max-age=300")
	_, _ = w.Write(small)
	return nil
}

// thumbnail reads the picture of an item; a few at a time, since large ones fill the memory.
func (s *Server) thumbnail(ctx context.Context, item index.Item) ([]byte, error) {
	select {
	case s.thumbs <- struct{}{}:
		defer func() { <-s.thumbs }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	full, err := s.o.Picture(ctx, item)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent("the picture of the item %q is not there any more", item.ID)
	}
	if overtime(err) {
		return nil, err
	}
	if err != nil {
		s.o.Log.Warn("a picture could not be read", "item", item.ID, "error", err)
		return nil, absent("the picture of the item %q cannot be read", item.ID)
	}
	var b bytes.Buffer
	err = png.Encode(&b, shrunk(full))
	return b.Bytes(), err
}

// shrunk is a picture of at most thumbSize on either side.
func shrunk(full image.Image) image.Image {
	size := full.Bounds().Size()
	long := max(size.X, size.Y)
	if long <= thumbSize {
		return full
	}
	small := image.NewNRGBA(image.Rect(0, 0, max(1, size.X*thumbSize/long), max(1, size.Y*thumbSize/long)))
	draw.CatmullRom.Scale(small, small.Bounds(), full, full.Bounds(), draw.Src, nil)
	return small
}
