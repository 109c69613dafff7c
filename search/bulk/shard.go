package bulk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/search/encode"
)

// report says what became of a shard. It is written last.
type report struct {
	Rows    []int     `json:"rows"` // pictures that have a vector, by their places in the collection
	Skipped []Skipped `json:"skipped,omitempty"`
	Hash    string    `json:"hash"`     // of the vectors
	Files   string    `json:"pictures"` // hash of the pictures' files
}

// chunk is how many pictures are decoded and encoded at a time.
const chunk = 256

// Do does a shard: its pictures' vectors are in the folder afterwards.
func (p *Plan) Do(ctx context.Context, encoder encode.Encoder, shard int) error {
	if f := encoder.Fingerprint(); f != p.Fingerprint {
		return fmt.Errorf("embed: the encoder in %s is %s; the job was begun with %s", p.Run, f, p.Fingerprint)
	}
	first := shard * p.ShardSize
	pictures, err := p.list(first, min(p.ShardSize, p.Pictures-first))
	if err != nil {
		return err
	}
	var vectors bytes.Buffer
	r, files := report{Rows: []int{}}, sha256.New()
	for lo := 0; lo < len(pictures); lo += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		images, hashes, failed := decode(pictures[lo:min(lo+chunk, len(pictures))], encoder.Size())
		var good []image.Image
		for i, m := range images {
			files.Write(hashes[i][:])
			if failed[i] != nil {
				r.Skipped = append(r.Skipped, Skipped{pictures[lo+i].File, failed[i].Error()})
				continue
			}
			good = append(good, m)
			r.Rows = append(r.Rows, first+lo+i)
		}
		out := make([]float32, len(good)*p.Dim)
		if err := encoder.Encode(out, good); err != nil {
			return fmt.Errorf("embed: shard %d, pictures from %s: %w", shard, pictures[lo].File, err)
		}
		if err := binary.Write(&vectors, binary.LittleEndian, out); err != nil {
			return err
		}
	}
	hash := sha256.Sum256(vectors.Bytes())
	r.Hash, r.Files = hex.EncodeToString(hash[:]), hex.EncodeToString(files.Sum(nil))
	if err := wholefile.Write(p.vectorFile(shard), vectors.Bytes()); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return wholefile.Write(p.reportFile(shard), append(text, '\n'))
}

// decode reads pictures on all cores, fitted to a size, with the hashes of their files.
func decode(pictures []Picture, size image.Point) ([]image.Image, [][sha256.Size]byte, []error) {
	images, hashes, failed := make([]image.Image, len(pictures)), make([][sha256.Size]byte, len(pictures)), make([]error, len(pictures))
	each(len(pictures), func(i int) {
		failed[i] = withFile(pictures[i].File, &hashes[i], func(r io.Reader) error {
			p, err := data.ReadPicture(r, data.MaxPicturePixels)
			if err == nil {
				images[i], err = p.Fitted(size.X, size.Y)
			}
			return err
		})
	})
	return images, hashes, failed
}

// each calls do for 0 to n−1 on all cores.
func each(n int, do func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	workers.Wait()
}

// withFile has a file read, and hashes all of it.
func withFile(file string, hash *[sha256.Size]byte, read func(io.Reader) error) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return errors.New("it is not a regular file")
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	err = read(io.TeeReader(f, h))
	if _, rest := io.Copy(h, f); rest != nil {
		return errors.Join(err, rest)
	}
	h.Sum(hash[:0])
	return err
}

// read returns the vectors of a shard that is done, and what was skipped.
func (p *Plan) read(shard int) (vectors []byte, r report, err error) {
	text, err := os.ReadFile(p.reportFile(shard))
	if err != nil {
		return nil, r, fmt.Errorf("embed: shard %d is not done: %w", shard, err)
	}
	if err := card.Decode(text, &r); err != nil {
		return nil, r, fmt.Errorf("embed: %s: %w", p.reportFile(shard), err)
	}
	if vectors, err = os.ReadFile(p.vectorFile(shard)); err != nil {
		return nil, r, err
	}
	hash := sha256.Sum256(vectors)
	if hex.EncodeToString(hash[:]) != r.Hash || len(vectors) != 4*p.Dim*len(r.Rows) {
		return nil, r, fmt.Errorf("embed: %s is not what its shard gave; remove it and %s, and start the job again", p.vectorFile(shard), p.reportFile(shard))
	}
	for i, row := range r.Rows {
		if first := shard * p.ShardSize; row < first || row >= min(first+p.ShardSize, p.Pictures) || i > 0 && row <= r.Rows[i-1] {
			return nil, r, fmt.Errorf("embed: %s is damaged: its row %d is picture %d; rows rise, from %d to below %d", p.reportFile(shard), i, row, first, min(first+p.ShardSize, p.Pictures))
		}
	}
	return vectors, r, nil
}
