package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/index"
)

// sent is an encoded picture in a request.
type sent struct {
	file  []byte
	place string // of the item whose it is, "" where there is one alone
}

// encode decodes pictures and returns their vectors, piece by piece, so that no request has much more of the memory for
// pictures than its share.
func (s *Server) encode(ctx context.Context, pictures []sent) (vectors [][]float32, err error) {
	if s.o.Encoder == nil {
		return nil, within(pictures[0].place, invalid("image", "this server has no network for pictures; send vectors"))
	}
	for piece := range slices.Chunk(pictures, encodeBatch) {
		more, err := s.encodePiece(ctx, piece)
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, more...)
	}
	return vectors, nil
}

// fittedSize is the bytes of a picture that was fitted to a size.
func fittedSize(size image.Point) int64 { return 4 * int64(size.X) * int64(size.Y) }

// encodePiece decodes pictures, one after the other, and encodes them, once there is memory for the largest and for all
// that come out.
func (s *Server) encodePiece(ctx context.Context, pictures []sent) ([][]float32, error) {
	size := s.o.Encoder.Size()
	read, largest := make([]*data.EncodedPicture, len(pictures)), int64(0)
	for i, p := range pictures {
		var err error
		if read[i], err = data.ParsePicture(p.file, s.o.Limits.Pixels); err != nil {
			return nil, within(p.place, invalid("image", "image is %v", err))
		}
		bytes := read[i].Memory() + data.FitMemory(size.X, size.Y)
		if bytes > s.largest {
			return nil, within(p.place, invalid("image", "image takes %d MiB of memory to decode; at most %d are allowed", bytes>>20, s.largest>>20))
		}
		largest = max(largest, bytes)
	}
	kept := int64(len(pictures)) * fittedSize(size)
	select { // more decoders than cores would all be late
	case s.decodes <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	fitted, err := s.decode(ctx, pictures, read, largest, kept)
	<-s.decodes
	if err != nil {
		return nil, err
	}
	free := func() { s.pictures.Release(kept) }
	return s.encodes.do(ctx, free, fitted...) // they stay in memory when the context ends before they are encoded
}

// decode decodes pictures when there is memory, of which they have kept bytes when it returns them.
func (s *Server) decode(ctx context.Context, pictures []sent, read []*data.EncodedPicture, largest, kept int64) ([]image.Image, error) {
	if err := s.pictures.Acquire(ctx, largest+kept); err != nil {
		return nil, err
	}
	defer s.pictures.Release(largest)
	size, fitted := s.o.Encoder.Size(), make([]image.Image, len(read))
	for i := range read {
		var err error
		if fitted[i], err = read[i].Fitted(size.X, size.Y); err != nil {
			s.pictures.Release(kept)
			return nil, within(pictures[i].place, invalid("image", "image is %v", err))
		}
	}
	return fitted, nil
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

// thumbnail reads the picture of an item; a few at a time, since files may be large.
func (s *Server) thumbnail(ctx context.Context, item index.Item) ([]byte, error) {
	select {
	case s.thumbs <- struct{}{}:
		defer func() { <-s.thumbs }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	small, err := s.shrunk(ctx, item)
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
	err = png.Encode(&b, small)
	return b.Bytes(), err
}

// shrunk decodes the picture of an item, made small, once there is memory for it.
func (s *Server) shrunk(ctx context.Context, item index.Item) (image.Image, error) {
	p, err := s.o.Picture(ctx, item)
	if err != nil {
		return nil, err
	}
	bytes := p.Memory() + data.FitMemory(thumbSize, thumbSize)
	if bytes > s.largest {
		return nil, fmt.Errorf("it takes %d MiB of memory to decode; at most %d are allowed", bytes>>20, s.largest>>20)
	}
	if err := s.pictures.Acquire(ctx, bytes); err != nil {
		return nil, err
	}
	defer s.pictures.Release(bytes)
	return p.Within(thumbSize)
}
