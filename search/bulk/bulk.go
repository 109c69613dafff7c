// Package bulk turns large collections of pictures into vectors, shard by shard, so that many
// machines can work on one collection and a job that was stopped can continue.
//
// A [Plan] divides a collection into shards of one size and writes that down in a folder that all
// machines see. [Plan.Do] does one shard, on whatever machine: it leaves the shard's vectors in the folder,
// whole or not at all. Once none is missing, [Plan.Save] and [Plan.AddTo] bring the vectors together in the
// collection's order. What they are does not depend on who did which shard, or when.
package bulk

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/encode"
)

// Picture is one of a collection. Its names are bytes, not always UTF-8.
type Picture struct {
	ID    string
	Label string
	File  string // absolute
}

// Skipped is a picture that could not be read.
type Skipped struct {
	Picture string // file
	Error   string
}

// Plan is how a collection is divided.
type Plan struct {
	Run         string        `json:"run"` // folder, absolute
	Fingerprint string        `json:"fingerprint"`
	Dim         int           `json:"dim"`
	Metric      distance.Kind `json:"metric"`
	Pictures    int           `json:"pictures"`
	ShardSize   int           `json:"shard_size"`
	Hash        string        `json:"hash"` // of the list of pictures

	dir  string
	lock *flock.Lock
}

// Files of a plan's folder.
const (
	planFile = "plan.json"
	listFile = "pictures.jsonl"
)

// List lists a collection as data.ListPictures does, with what that leaves out. Identifiers begin with name, or with the
// collection's own if that is empty.
func List(collection, name string) ([]Picture, data.LeftOuts, error) {
	at, err := filepath.Abs(collection)
	if err != nil {
		return nil, nil, err
	}
	list, err := data.ListPictures(at)
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		name = trimSuffix(filepath.Base(at), ".csv")
	}
	all := make([]Picture, len(list.Files))
	place := make(map[string]int, len(list.Files))
	for i, f := range list.Files {
		all[i] = Picture{path.Join(name, f.Path), f.Label, f.File}
		if first, twice := place[all[i].ID]; twice {
			return nil, nil, fmt.Errorf("embed: picture %d, %s, has the identifier of picture %d: %q", i, f.File, first, all[i].ID)
		}
		place[all[i].ID] = i
	}
	return all, list.Left, nil
}

func trimSuffix(s, suffix string) string {
	if filepath.Ext(s) == suffix {
		return s[:len(s)-len(suffix)]
	}
	return s
}

// NewPlan divides pictures into shards for the encoder of the run in a folder. The plan's own folder is made; if it has the same
// plan already, the shards that are done stay done, but for those whose pictures have changed since. A folder with another plan, or
// with anything else, is refused, and so is one that another process has a plan of: it is locked until Close or Remove.
func NewPlan(ctx context.Context, dir, run string, encoder encode.Encoder, pictures []Picture, shardSize int) (*Plan, error) {
	if shardSize < 1 || shardSize > math.MaxInt32 {
		return nil, fmt.Errorf("embed: the size of a shard is %d; it must be 1 to %d", shardSize, math.MaxInt32)
	}
	run, err := filepath.Abs(run)
	if err != nil {
		return nil, err
	}
	var list bytes.Buffer
	lines := json.NewEncoder(&list)
	for i := range pictures {
		if err := lines.Encode(&pictures[i]); err != nil {
			return nil, err
		}
	}
	hash := sha256.Sum256(list.Bytes())
	p := &Plan{
		Run: run, Fingerprint: encoder.Fingerprint(), Dim: encoder.Dim(), Metric: encoder.Metric(),
		Pictures: len(pictures), ShardSize: shardSize, Hash: hex.EncodeToString(hash[:]), dir: dir,
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	if p.lock, err = flock.Folder(dir); err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	if err := p.begin(ctx, list.Bytes()); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close gives the plan's folder free.
func (p *Plan) Close() { p.lock.Release() }

// begin writes the plan into its folder, or finds it there.
func (p *Plan) begin(ctx context.Context, list []byte) error {
	old, err := OpenPlan(p.dir)
	if err == nil {
		old.lock = p.lock
	}
	switch {
	case err == nil && *old == *p:
		return p.recheck(ctx)
	case err == nil:
		return fmt.Errorf("embed: %s has the work of another job (another run, collection or size of shards); remove it, or name another folder", p.dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != listFile && e.Name() != flock.File { // a list alone is what a stop between the two leaves
			return fmt.Errorf("embed: %s is not empty and has no plan, but %s; name a new folder", p.dir, e.Name())
		}
	}
	if err := wholefile.Write(filepath.Join(p.dir, listFile), list); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(p.dir, planFile), append(text, '\n'))
}

// OpenPlan reads the plan in a folder.
func OpenPlan(dir string) (*Plan, error) {
	text, err := os.ReadFile(filepath.Join(dir, planFile))
	if err != nil {
		return nil, err
	}
	p := &Plan{dir: dir}
	if err := card.Decode(text, p); err != nil {
		return nil, fmt.Errorf("embed: %s: %w", filepath.Join(dir, planFile), err)
	}
	if p.ShardSize < 1 || p.Pictures < 0 || p.Dim < 1 {
		return nil, fmt.Errorf("embed: %s: shard_size %d, pictures %d, dim %d; that is not a plan", filepath.Join(dir, planFile), p.ShardSize, p.Pictures, p.Dim)
	}
	return p, p.checkList()
}

// checkList refuses a list of pictures that is not the plan's.
func (p *Plan) checkList() error {
	f, err := os.Open(filepath.Join(p.dir, listFile))
	if err != nil {
		return err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	if is := hex.EncodeToString(hash.Sum(nil)); is != p.Hash {
		return fmt.Errorf("embed: %s is damaged, or %s is: its hash is %s, and the plan says %q; remove the folder, and do the job again", f.Name(), planFile, is, excerpt.Of(p.Hash))
	}
	return nil
}

// Dir is the plan's folder.
func (p *Plan) Dir() string { return p.dir }

// Shards is how many shards there are.
func (p *Plan) Shards() int { return (p.Pictures + p.ShardSize - 1) / p.ShardSize }

// Missing lists the shards that are not done.
func (p *Plan) Missing() ([]int, error) {
	var missing []int
	for s := range p.Shards() {
		_, err := os.Stat(p.reportFile(s))
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, s)
		} else if err != nil {
			return nil, err
		}
	}
	return missing, nil
}

func (p *Plan) vectorFile(shard int) string {
	return filepath.Join(p.dir, fmt.Sprintf("shard-%07d.f32", shard))
}

func (p *Plan) reportFile(shard int) string {
	return filepath.Join(p.dir, fmt.Sprintf("shard-%07d.json", shard))
}

// list reads n pictures of the list, from first on.
func (p *Plan) list(first, n int) ([]Picture, error) {
	f, err := os.Open(filepath.Join(p.dir, listFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<16)
	for range first {
		for prefix := true; prefix; {
			if _, prefix, err = lines.ReadLine(); err != nil {
				return nil, fmt.Errorf("embed: %s: %w", f.Name(), err)
			}
		}
	}
	all := make([]Picture, n)
	for d, i := json.NewDecoder(lines), 0; i < n; i++ {
		if err := d.Decode(&all[i]); err != nil {
			return nil, fmt.Errorf("embed: %s: line %d: %w", f.Name(), first+i+1, excerpt.Error(err))
		}
	}
	return all, nil
}

// recheck makes the shards whose pictures have changed missing again.
func (p *Plan) recheck(ctx context.Context) error {
	for shard := range p.Shards() {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, r, err := p.read(shard)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		first := shard * p.ShardSize
		pictures, err := p.list(first, min(p.ShardSize, p.Pictures-first))
		if err != nil {
			return err
		}
		hashes := make([][sha256.Size]byte, len(pictures))
		each(len(pictures), func(i int) {
			_ = withFile(pictures[i].File, &hashes[i], func(io.Reader) error { return nil }) // one that can't be read has the hash of none
		})
		files := sha256.New()
		for _, h := range hashes {
			files.Write(h[:])
		}
		if hex.EncodeToString(files.Sum(nil)) == r.Files {
			continue
		}
		if err := os.Remove(p.reportFile(shard)); err != nil {
			return err
		}
	}
	return nil
}

// Skipped lists the pictures that could not be read, and counts the others.
func (p *Plan) Skipped() (skipped []Skipped, embedded int, err error) {
	for s := range p.Shards() {
		_, r, err := p.read(s)
		if err != nil {
			return nil, 0, err
		}
		skipped = append(skipped, r.Skipped...)
		embedded += len(r.Rows)
	}
	return skipped, embedded, nil
}

// Forget makes the shards that skipped pictures missing again, so that those can be mended.
func (p *Plan) Forget() error {
	for s := range p.Shards() {
		_, r, err := p.read(s)
		if err == nil && len(r.Skipped) > 0 {
			err = os.Remove(p.reportFile(s))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// row is a picture with its vector, as little-endian bytes.
type row struct {
	Picture
	vector []byte
}

// each calls take with all rows in the collection's order.
func (p *Plan) each(ctx context.Context, take func(row) error) error {
	f, err := os.Open(filepath.Join(p.dir, listFile))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := json.NewDecoder(bufio.NewReader(f))
	at := 0
	for s := range p.Shards() {
		if err := ctx.Err(); err != nil {
			return err
		}
		vectors, r, err := p.read(s)
		if err != nil {
			return err
		}
		for i, place := range r.Rows {
			var one row
			for ; at <= place; at++ {
				one.Picture = Picture{}
				if err := lines.Decode(&one.Picture); err != nil {
					return fmt.Errorf("embed: %s: %w", f.Name(), errors.Join(err, io.ErrUnexpectedEOF))
				}
			}
			one.vector = vectors[4*p.Dim*i:][:4*p.Dim]
			if err := take(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// Remove removes the plan's folder with all that the job left there.
func (p *Plan) Remove() error {
	remove := []string{planFile, listFile}
	for s := range p.Shards() {
		remove = append(remove, filepath.Base(p.vectorFile(s)), filepath.Base(p.reportFile(s)))
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, e := range entries { // what workers that were killed had begun to write
		if strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), ".partial") {
			remove = append(remove, e.Name())
		}
	}
	for _, name := range remove {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	p.lock.Release()
	return os.Remove(p.dir)
}
