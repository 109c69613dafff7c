package serve

import (
	"context"
	"fmt"
	"image"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/serve/wire"
	"golang.org/x/sync/semaphore"
)

// Pictures decodes pictures for a network, or for people, within the memory that all requests share.
type Pictures struct {
	s       *Server
	size    image.Point // that the network's are fitted to
	batch   int         // decoded at once at most
	largest int64       // bytes that decoding one may take
	memory  *semaphore.Weighted
}

// Pictures returns what decodes pictures fitted to a size, at most batch of them at a time. What decoding one takes
// is known from its header, and waited for, before it is decoded.
// Errors: a size and batch that leave no memory to decode.
func (s *Server) Pictures(size image.Point, batch int) (*Pictures, error) {
	all := s.o.Limits.Memory / 2
	p := &Pictures{s: s, size: size, batch: batch, largest: all - int64(batch)*fittedSize(size), memory: s.pictures}
	if p.largest <= 0 {
		return nil, fmt.Errorf("serve: Memory is %d bytes, which %d pictures of %v pixels do not leave half of", s.o.Limits.Memory, batch, size)
	}
	return p, nil
}

// fittedSize is the bytes of a picture that was fitted to a size.
func fittedSize(size image.Point) int64 { return 4 * int64(size.X) * int64(size.Y) }

// File is an encoded picture in a request.
type File struct {
	Bytes []byte
	Place string // in the request, as "items[3]"; "" where it is alone
}

// Fitted decodes files, no more than a batch, one after the other, once there is memory for the largest and for all that come
// out. The pictures' memory is taken until free is called, once. Errors name the place of the file as "image".
func (p *Pictures) Fitted(ctx context.Context, files []File) (fitted []image.Image, free func(), err error) {
	read, largest := make([]*data.EncodedPicture, len(files)), int64(0)
	for i, f := range files {
		if read[i], err = data.ParsePicture(f.Bytes, p.s.o.Limits.Pixels); err != nil {
			return nil, nil, wire.Within(f.Place, wire.Invalid("image", "image is %v", err))
		}
		bytes := read[i].Memory(p.size.X, p.size.Y)
		if bytes > p.largest {
			return nil, nil, wire.Within(f.Place, wire.Invalid("image", "image takes %d MiB of memory to decode; at most %d are allowed", bytes>>20, p.largest>>20))
		}
		largest = max(largest, bytes)
	}
	select { // more decoders than cores would all be late
	case p.s.decodes <- struct{}{}:
		defer func() { <-p.s.decodes }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	kept := int64(len(files)) * fittedSize(p.size)
	if err := p.memory.Acquire(ctx, largest+kept); err != nil {
		return nil, nil, err
	}
	defer p.memory.Release(largest)
	fitted = make([]image.Image, len(read))
	for i := range read {
		if fitted[i], err = read[i].Fitted(p.size.X, p.size.Y); err != nil {
			p.memory.Release(kept)
			return nil, nil, wire.Within(files[i].Place, wire.Invalid("image", "image is %v", err))
		}
	}
	return fitted, func() { p.memory.Release(kept) }, nil
}

// Through decodes files, a batch of p at a time, and has a queue work on them: a result for each.
//
// Errors: those of Fitted and of Do.
func Through[Out any](ctx context.Context, p *Pictures, queue *Batcher[image.Image, Out], files []File) ([]Out, error) {
	all := make([]Out, 0, len(files))
	for part := range slices.Chunk(files, p.batch) {
		fitted, free, err := p.Fitted(ctx, part)
		if err != nil {
			return nil, err
		}
		out, err := queue.Do(ctx, free, fitted...)
		if err != nil {
			return nil, err
		}
		all = append(all, out...)
	}
	return all, nil
}

// Picture is a picture that is not decoded yet, as data.EncodedPicture and data.DecodedPicture are.
type Picture interface {
	// Memory is the bytes that decoding it takes at most, scaled to w×h pixels or fewer.
	Memory(w, h int) int64
	// Within decodes it, scaled so that neither side has more than side pixels.
	Within(side int) (image.Image, error)
}

// Within decodes a picture of our own, scaled so that neither side has more than side pixels, once there is memory for it.
func (p *Pictures) Within(ctx context.Context, picture Picture, side int) (image.Image, error) {
	bytes := picture.Memory(side, side)
	if bytes > p.largest {
		return nil, fmt.Errorf("it takes %d MiB of memory to decode; at most %d are allowed", bytes>>20, p.largest>>20)
	}
	if err := p.memory.Acquire(ctx, bytes); err != nil {
		return nil, err
	}
	defer p.memory.Release(bytes)
	return picture.Within(side)
}
