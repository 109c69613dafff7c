package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/energo-ml/energo/internal/flock"
)

// exactKind is Info.Kind of an Exact.
const exactKind = "exact"

var (
	// ErrClosed is what every call returns after Close.
	ErrClosed = errors.New("index: closed")
	// ErrInUse is what Open returns while another process, or this one, has the index open.
	ErrInUse = errors.New("in use by another process, or by this one")
	// ErrNoIndex is what Open returns where there is no index. It is fs.ErrNotExist, too, which is no damage's error.
	ErrNoIndex = fmt.Errorf("there is no index (%w)", fs.ErrNotExist)
	// ErrReadOnly is what changes return after OpenReadOnly.
	ErrReadOnly = errors.New("index: opened for reading only")
)

// Exact is an index in a folder of this machine. A search looks at every vector, so it misses
// nothing, unless the storage is Bits: hits are the nearest, and their distances are computed in float64 from the vectors as
// they are stored. Searches continue while items are added, each on what was there when it began.
//
// Items are put in order by when they were last added. One process at a time can have the folder open to change it; others can
// read beside it, each what was there when it opened the folder or last called Refresh.
//
// What is read of the folder is checked: the log and all but the vectors of segments when the index is opened, or when the segment is written; a
// vector when it is first read after that. A damaged one is an error of whatever reads it, each time.
type Exact struct {
	options  Options
	dir      string
	lock     *os.File // nil: opened for reading only
	readOnly bool
	reading  sync.Mutex // while a reader looks at the files
	read     fileState  // what it saw
	views    views
	scans    sync.Pool // of *search
	trouble  atomic.Pointer[string]
	dropped  string // see Info

	changes chan *request
	closing chan struct{}
	once    sync.Once
	ended   chan struct{} // the writer has
	failure error         // of the writer's end
}

var _ Index = (*Exact)(nil)

// Create makes a new index in a folder, which is made if it does not exist and must be empty, apart from what a
// Create that was killed left.
func Create(dir string, o Options) (*Exact, error) {
	o, err := o.Check()
	if err != nil {
		return nil, err
	}
	if err := checkEndian(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	if err := checkEmpty(dir); err != nil {
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	m := &manifest{
		Version: manifestVersion, Dim: o.Dim, Metric: o.Metric, Storage: o.Storage, Encoder: o.Encoder,
		Segments: []segmentOfIndex{}, Log: logName(1), LogSize: logHeader, Next: 2,
	}
	err = checkEmpty(dir) // now nobody else can be at it
	if err == nil {
		err = createLog(dir, m.Log)
	}
	if err == nil {
		err = m.write(dir)
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return start(&Exact{dir: dir, lock: lock}, logLimit)
}

// checkEmpty allows what a Create that was killed may have left. Nothing is said before all of the folder was looked at.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	manifest, other := false, ""
	for _, e := range entries {
		switch name := e.Name(); {
		case name == manifestName:
			manifest = true
		case !ours(e) && !(name == lockName && e.Type().IsRegular()):
			other = name
		}
	}
	switch {
	case manifest:
		return fmt.Errorf("index: there is an index in %s already (%w)", dir, fs.ErrExist)
	case other != "":
		return fmt.Errorf("index: %s is not empty, it has %q: a new index must have a folder of its own (%w)", dir, other, fs.ErrExist)
	}
	if err := checkLost(dir, entries); err != nil {
		return fmt.Errorf("%w (%w)", err, fs.ErrExist)
	}
	return nil
}

// checkLost refuses a folder without a manifest that has a segment, or a log that holds something.
func checkLost(dir string, entries []fs.DirEntry) error {
	for _, e := range entries {
		if numbered.MatchString(e.Name()) && ours(e) && !emptyLog(e) {
			return fmt.Errorf("index: %s has %q, of an index whose %s is lost or that was not wholly removed", dir, e.Name(), manifestName)
		}
	}
	return nil
}

// emptyLog tells whether a file is a log without a change.
func emptyLog(e fs.DirEntry) bool {
	info, err := e.Info()
	return err == nil && filepath.Ext(e.Name()) == ".log" && info.Size() <= logHeader
}

// Open opens the index in a folder. All that was acknowledged is there, also after a crash;
// what is damaged is an error.
func Open(dir string) (*Exact, error) {
	if err := checkEndian(); err != nil {
		return nil, err
	}
	if _, err := readManifest(dir); err != nil { // before a lock is put where no index is
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	return start(&Exact{dir: dir, lock: lock}, logLimit)
}

// How often a lock is tried, and how long it is waited between: a reader may hold it for a moment, see writing.
const (
	lockTries = 10
	lockPause = 10 * time.Millisecond
)

// lockFolder returns the file that keeps others who write away until it is closed.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	ok, err := flock.Try(f, false)
	for try := 1; try < lockTries && err == nil && !ok; try++ {
		time.Sleep(lockPause)
		ok, err = flock.Try(f, false)
	}
	if err == nil && (!ok || !sameFile(f)) { // a file that is gone was a Remove's
		err = ErrInUse
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("index: %s is %w", dir, err)
	}
	return f, nil
}

// sameFile tells whether f is still the file of its name.
func sameFile(f *os.File) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(f.Name())
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// start reads the folder of x. With an error it gives its lock up. A log of over limit bytes
// is made a segment.
func start(x *Exact, limit int64) (*Exact, error) {
	x.changes, x.closing, x.ended = make(chan *request), make(chan struct{}), make(chan struct{})
	w, err := newWriter(x, limit)
	if err != nil {
		return nil, errors.Join(err, x.unlock())
	}
	x.options, x.dropped = w.Options, w.log.dropped
	w.publish()
	go w.serve()
	return x, nil
}

func (x *Exact) unlock() error {
	if x.lock == nil {
		return nil
	}
	return x.lock.Close()
}

// Info says what the index is.
func (x *Exact) Info(context.Context) (Info, error) {
	v := x.views.acquire()
	if v == nil {
		return Info{}, ErrClosed
	}
	defer x.views.release(v)
	o := x.options
	info := Info{Kind: exactKind, Dim: o.Dim, Len: v.live, Metric: o.Metric, Storage: o.Storage, Encoder: o.Encoder, Dropped: x.dropped, FilterBytes: x.views.postings.size()}
	if free := freeBytes(x.dir); free >= 0 {
		info.Free = &free
	}
	if trouble := x.trouble.Load(); trouble != nil {
		info.Trouble = *trouble
	}
	return info, nil
}

// Add adds items; one with the identifier of a stored item replaces it. They are last in the order then.
// All are on disk when it returns. At once it takes MaxBatchSize bytes of items.
func (x *Exact) Add(ctx context.Context, items []Item) error {
	if err := x.options.CheckItems(items); err != nil {
		return err
	}
	c := change{items: items}
	if size := c.size(); size > MaxBatchSize {
		return badArgument("items have %d bytes; one Add takes at most %d", size, MaxBatchSize)
	}
	if len(items) == 0 {
		return x.usable(ctx)
	}
	_, err := x.do(ctx, &request{change: c})
	return err
}

// Delete takes items out and returns how many there were.
func (x *Exact) Delete(ctx context.Context, ids []string) (int, error) {
	if err := CheckIDs(ids); err != nil {
		return 0, err
	}
	c := change{ids: ids}
	if size := c.size(); size > MaxBatchSize {
		return 0, badArgument("ids have %d bytes; one Delete takes at most %d", size, MaxBatchSize)
	}
	if len(ids) == 0 {
		return 0, x.usable(ctx)
	}
	return x.do(ctx, &request{change: c})
}

// Compact writes everything into one segment and empties the log, which happens by itself,
// too, a part at a time. Meanwhile changes wait; searches do not.
func (x *Exact) Compact() error {
	_, err := x.do(context.Background(), &request{compact: true})
	return err
}

func (x *Exact) usable(ctx context.Context) error {
	select {
	case <-x.closing:
		return ErrClosed
	default:
		return ctx.Err()
	}
}

// do has the writer do what is asked. Once that has begun, the context cannot stop it.
func (x *Exact) do(ctx context.Context, r *request) (int, error) {
	if err := x.usable(ctx); err != nil {
		return 0, err
	}
	if x.readOnly {
		return 0, ErrReadOnly
	}
	r.done = make(chan outcome, 1)
	select {
	case x.changes <- r:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-x.closing:
		return 0, ErrClosed
	}
	out := <-r.done
	return out.items, out.err
}

// Get returns the item of an identifier. With Int8, its vector is the rounded one.
func (x *Exact) Get(_ context.Context, id string) (item Item, ok bool, err error) {
	if err := checkID("id", id); err != nil {
		return Item{}, false, err
	}
	v := x.views.acquire()
	if v == nil {
		return Item{}, false, ErrClosed
	}
	defer x.views.release(v)
	i, row, ok := v.find(id)
	if !ok {
		return Item{}, false, nil
	}
	item, err = v.parts[i].item(row)
	return item, err == nil, err
}

// Each goes over all items that there are when it begins, in their order. After an error it ends.
func (x *Exact) Each(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		v := x.views.acquire()
		if v == nil {
			yield(Item{}, ErrClosed)
			return
		}
		defer x.views.release(v)
		for i := range v.parts {
			p := &v.parts[i]
			for row := range p.rows {
				if p.dead.has(row) {
					continue
				}
				item, err := p.item(row)
				if ctx.Err() != nil {
					err = ctx.Err()
				}
				if !yield(item, err) || err != nil {
					return
				}
			}
		}
	}
}

// Close ends the index; changes that have begun are finished. A second call returns the same.
func (x *Exact) Close() error {
	x.once.Do(func() { close(x.closing) })
	<-x.ended
	return x.failure
}
