package search

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// encode decodes pictures and returns their vectors, piece by piece, so that no request has much more of the memory for
// pictures than its share.
func (s *service) encode(ctx context.Context, pictures []serve.File) (vectors [][]float32, err error) {
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
func (s *service) encodeAll(pictures []image.Image) ([][]float32, error) {
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
func (s *service) thumb(w http.ResponseWriter, r *http.Request) error {
	item, err := s.item(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if s.thumbPath(item.ID, item.Fields) == "" {
		return wire.Absent("the item %q has no picture", item.ID)
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

// thumbnail reads the picture of an item; a few at a time, since files may be large.
func (s *service) thumbnail(ctx context.Context, item index.Item) ([]byte, error) {
	select {
	case s.thumbs <- struct{}{}:
		defer func() { <-s.thumbs }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	small, err := s.shrunk(ctx, item)
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
	var b bytes.Buffer
	err = png.Encode(&b, small)
	return b.Bytes(), err
}

// shrunk decodes the picture of an item, made small, once there is memory for it.
func (s *service) shrunk(ctx context.Context, item index.Item) (image.Image, error) {
	p, err := s.o.Picture(ctx, item)
	if err != nil {
		return nil, err
	}
	return s.pictures.Within(ctx, p, thumbSize)
}
