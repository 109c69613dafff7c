package studio

import (
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/energo-ml/energo/serve/wire"
)

// roster keeps the summaries of the runs of a folder, and reads those again whose files have changed.
type roster struct {
	folder string

	mu      sync.Mutex
	looked  time.Time
	all     []*summary
	entries map[string]*entry
}

type entry struct {
	stamp stamp
	free  time.Time // of a lock file that nobody held
	run   *summary
}

// lookEvery is how often the folder is looked at, whoever asks.
const lookEvery = 500 * time.Millisecond

// now returns the runs by name. A summary is another value where something has changed.
func (l *roster) now() ([]*summary, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.looked) < lookEvery {
		return l.all, nil
	}
	names, err := names(l.folder)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]*entry, len(names))
	all := make([]*summary, len(names))
	next := make([]*entry, len(names))
	var work sync.WaitGroup
	places := make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	for i, name := range names {
		places <- struct{}{}
		work.Go(func() {
			defer func() { <-places }()
			next[i] = look(filepath.Join(l.folder, filepath.FromSlash(name)), name, l.entries[name])
		})
	}
	work.Wait()
	for i, name := range names {
		entries[name], all[i] = next[i], next[i].run
	}
	l.entries, l.all, l.looked = entries, all, time.Now()
	return all, nil
}

// one returns a run, also one that is newer than the last look.
func (l *roster) one(name string) (*summary, error) {
	for range 2 {
		all, err := l.now()
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(all, func(r *summary) bool { return r.Name == name }); i >= 0 {
			return all[i], nil
		}
		l.forget()
	}
	return nil, wire.Absent("there is no run %q", name)
}

// look returns the entry of a run, before where nothing has changed.
func look(dir, name string, before *entry) *entry {
	var free time.Time
	if before != nil {
		free = before.free
	}
	s, lock := stampOf(dir, free)
	if before != nil && before.stamp == s {
		return before
	}
	e := &entry{stamp: s, run: summarize(dir, name, s.held)}
	if !s.held {
		e.free = lock
	}
	return e
}

// forget has the next look be a fresh one, after a change of our own.
func (l *roster) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked = time.Time{}
}
