package index

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/energo-ml/energo/internal/flock"
)

// A reader takes no lock that would keep a writer away. It reads the manifest, and opens the segments and the log that it
// names. Files never change but for the log's end, and what was opened stays readable when the writer removes it. So a
// reader can come to harm in two ways only, and reads again after both: a file was removed before it was opened, in which case
// there is a newer manifest; or the log's last frame was being written.

// How often a reader reads again, and how long it waits between.
const (
	readTries = 100
	readPause = 50 * time.Millisecond
)

// fileState is by what a reader knows whether anything has changed.
type fileState struct {
	sum uint32 // of the manifest
	log int64  // bytes of the log
}

// OpenReadOnly is Open for processes that only search, of which there may be several at once, also beside one that changes the
// index. Nothing in the folder is changed. What the reader has is all that was acknowledged when it was opened, and perhaps
// a change that is on its way to the disk; Refresh brings it up to date.
func OpenReadOnly(dir string) (*Exact, error) {
	if err := checkEndian(); err != nil {
		return nil, err
	}
	x := &Exact{dir: dir, readOnly: true}
	x.changes, x.closing, x.ended = make(chan *request), make(chan struct{}), make(chan struct{})
	w, err := x.readFiles()
	if err != nil {
		return nil, err
	}
	x.options, x.dropped = w.Options, w.log.dropped
	w.publish()
	go w.serve()
	return x, nil
}

// Refresh shows what another process has changed since OpenReadOnly or the last Refresh, and tells whether there was anything.
// Searches that have begun continue with what they have. An index that was opened to be changed is always up to date.
func (x *Exact) Refresh() (changed bool, err error) {
	if !x.readOnly {
		return false, x.usable(context.Background())
	}
	x.reading.Lock()
	defer x.reading.Unlock()
	if err := x.usable(context.Background()); err != nil {
		return false, err
	}
	before := x.read
	if now, err := readState(x.dir); err == nil && now == before {
		return false, nil
	}
	w, err := x.readFiles()
	if err != nil {
		return false, err
	}
	if w.Options != x.options { // another index was made in the folder
		x.views.release(newView(w.parts))
		return false, errors.New("index: " + x.dir + " has another index since it was opened; open it again")
	}
	if !x.views.replace(newView(w.parts)) {
		return false, ErrClosed
	}
	return x.read != before, nil
}

// readState returns what the files are like.
func readState(dir string) (s fileState, err error) {
	m, err := readManifest(dir)
	if err != nil {
		return s, err
	}
	info, err := os.Stat(filepath.Join(dir, m.Log))
	if err != nil {
		return s, err
	}
	return fileState{m.Sum, info.Size()}, nil
}

// readFiles reads the index as often as a writer is in the way.
func (x *Exact) readFiles() (*writer, error) {
	for try := 1; ; try++ {
		m, err := readManifest(x.dir)
		if err != nil {
			return nil, err
		}
		w, err := x.writerOf(m, logLimit)
		if err == nil {
			x.read = fileState{m.Sum, w.log.size}
			if w.log.dropped != "" && writing(x.dir) {
				w.log.dropped = "" // it is being written
			}
			return w, nil
		}
		if try == readTries || !writing(x.dir) && !replaced(x.dir, m) {
			return nil, err
		}
		time.Sleep(readPause)
	}
}

// replaced tells whether there is another manifest by now.
func replaced(dir string, m *manifest) bool {
	now, err := readManifest(dir)
	return err == nil && now.Sum != m.Sum
}

// writing tells whether a process has the index open to change it. For that moment no other can open it so.
func writing(dir string) bool {
	f, err := os.Open(filepath.Join(dir, lockName))
	if err != nil {
		return false
	}
	defer f.Close()
	free, err := flock.Try(f, true)
	return err == nil && !free
}
