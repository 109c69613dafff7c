package search

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// encode decodes pictures and returns their vectors, piece by piece, so that no request has much more of the memory for
// pictures than its share.
func (s *store) encode(ctx context.Context, pictures []serve.File) (vectors [][]float32, err error) {
	if s.o.Encoder == nil {
		return nil, wire.Within(pictures[0].Place, wire.Invalid("image", "this server has no network for pictures; send vectors"))
	}
	for piece := range slices.Chunk(pictures, encodeBatch) {
		fitted, free, err := s.pictures.Fitted(ctx, piece)
		if err != nil {
			return nil, err
		}
		more, err := s.encodes.Do(ctx, free, fitted...) // they stay in memory when the context ends before they are encoded
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, more...)
	}
	return vectors, nil
}

// encodeAll is the work of a batch of pictures.
func (s *store) encodeAll(pictures []image.Image) ([][]float32, error) {
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

// Sides of pictures that are answered, in pixels.
const (
	thumbSide   = 224
	pictureSide = 2048
)

// keepThumb puts a small picture in an item that came as a file.
func (s *store) keepThumb(ctx context.Context, item *index.Item, file []byte) error {
	p, err := data.ParsePicture(file, s.Limits().Pixels)
	if err != nil {
		return wire.Invalid("image", "image is %v", err)
	}
	m, err := s.pictures.Within(ctx, p, thumbSide)
	if err != nil {
		return err
	}
	small, err := asJPEG(m)
	if err != nil {
		return err
	}
	if item.Fields = maps.Clone(item.Fields); item.Fields == nil {
		item.Fields = map[string]string{}
	}
	item.Fields[index.ThumbField] = base64.StdEncoding.EncodeToString(small)
	return nil
}

// asJPEG encodes a picture; what is transparent is put on white.
func asJPEG(m image.Image) ([]byte, error) {
	ground := image.NewRGBA(m.Bounds())
	draw.Draw(ground, ground.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(ground, ground.Bounds(), m, m.Bounds().Min, draw.Over)
	var b bytes.Buffer
	err := jpeg.Encode(&b, ground, &jpeg.Options{Quality: 85})
	return b.Bytes(), err
}

// thumb answers with the picture of an item, made small.
func (s *store) thumb(w http.ResponseWriter, r *http.Request) error {
	item, err := s.item(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if kept := item.Fields[index.ThumbField]; kept != "" {
		small, err := base64.StdEncoding.DecodeString(kept)
		if err != nil {
			return fmt.Errorf("the small picture of the item %q is not base64: %w", item.ID, err)
		}
		writePicture(w, small)
		return nil
	}
	return s.answerPicture(w, r, item, thumbSide)
}

// picture answers with the picture of an item, as large as a screen.
func (s *store) picture(w http.ResponseWriter, r *http.Request) error {
	item, err := s.item(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.answerPicture(w, r, item, pictureSide)
}

func (s *store) answerPicture(w http.ResponseWriter, r *http.Request, item index.Item, side int) error {
	if s.linksOf(item.ID, item.Fields).Picture == "" {
		return wire.Absent("the item %q has no picture", item.ID)
	}
	text, err := s.shrunk(r.Context(), item, side)
	if err != nil {
		return err
	}
	writePicture(w, text)
	return nil
}

func writePicture(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", http.DetectContentType(text))
	w.Header().Set("Cache-Control", "private, max-age=300")
	_, _ = w.Write(text)
}

// shrunk reads the picture of an item; a few at a time, since files may be large.
func (s *store) shrunk(ctx context.Context, item index.Item, side int) ([]byte, error) {
	select {
	case s.thumbs <- struct{}{}:
		defer func() { <-s.thumbs }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	small, err := s.within(ctx, item, side)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wire.Absent("the picture of the item %q is not there any more", item.ID)
	}
	if serve.Overtime(err) {
		return nil, err
	}
	if err != nil {
		s.Log().Warn("a picture could not be read", "item", item.ID, "error", err)
		return nil, wire.Absent("the picture of the item %q cannot be read", item.ID)
	}
	if b := small.Bounds(); b.Dx()*b.Dy() <= losslessPixels {
		var b bytes.Buffer
		err = png.Encode(&b, small)
		return b.Bytes(), err
	}
	return asJPEG(small)
}

// losslessPixels is up to where pictures are answered as PNG: digits and icons, of which JPEG takes the edges.
const losslessPixels = 64 * 64

// within decodes the picture of an item, made small, once there is memory for it.
func (s *store) within(ctx context.Context, item index.Item, side int) (image.Image, error) {
	p, err := s.o.Picture(ctx, item)
	if err != nil {
		return nil, err
	}
	return s.pictures.Within(ctx, p, side)
}
