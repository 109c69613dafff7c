package index

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// A request is a change, or the wish to compact, that a caller waits for.
type request struct {
	change
	resolve func(parts []part) (change, error) // makes the change of what is there; nil: it is known
	compact bool
	done    chan outcome
}

type outcome struct {
	items int // that were deleted or updated
	err   error
}

// When a log has this many bytes, what it holds becomes a segment.
const logLimit = 64 << 20

// The most requests, and bytes of them, that are written to disk together.
const (
	groupRequests = 4096
	groupBytes    = 64 << 20
)

// writer does everything that changes the index, one thing after the other.
type writer struct {
	Options
	x        *Exact
	manifest *manifest
	log      *changeLog
	parts    []part // the segments, and then what is in memory
	segments int    // how many of parts are segments
	limit    int64  // bytes of the log, see logLimit
	flushAt  int64  // bytes of the log at which it is made a segment: limit, or more after an error
	failure  error  // of making a segment of the log
	store    func(m *manifest, dir string) error
}

// newWriter reads the index's files. Segments that x shows already are taken from there.
func newWriter(x *Exact, limit int64) (*writer, error) {
	m, err := readManifest(x.dir)
	if err != nil {
		return nil, err
	}
	return x.writerOf(m, limit)
}

func (x *Exact) writerOf(m *manifest, limit int64) (*writer, error) {
	known := map[string]*slab{}
	if v := x.views.acquire(); v != nil {
		defer x.views.release(v)
		for i := range v.parts {
			known[v.parts[i].file] = v.parts[i].slab
		}
	}
	delete(known, "") // in memory
	w := &writer{Options: m.options(), x: x, manifest: m, limit: limit, flushAt: limit, store: (*manifest).write}
	if !x.readOnly {
		if err := m.sweep(x.dir); err != nil {
			return nil, err
		}
	}
	err := w.openParts(known)
	if err == nil {
		err = w.replay()
	}
	if err != nil {
		x.views.release(newView(w.parts)) // gives back what was mapped
		return nil, err
	}
	return w, nil
}

// openParts opens the segments.
func (w *writer) openParts(known map[string]*slab) (err error) {
	for _, s := range w.manifest.Segments {
		slab := known[s.File]
		if slab == nil {
			if slab, err = openSegment(w.x.dir, s.File, w.Options); err != nil {
				return err
			}
		}
		dead, ok := parseDead(s.Dead, slab.rows)
		if !ok {
			dead = &deadSet{}
		}
		w.parts = append(w.parts, part{slab, dead})
		if !ok {
			return fmt.Errorf("index: %s is damaged: rows are dead that %s does not have", filepath.Join(w.x.dir, manifestName), s.File)
		}
	}
	w.segments = len(w.parts)
	return nil
}

// replay makes the log's changes again.
func (w *writer) replay() (err error) {
	var pending []change
	bytes := 0
	w.log, err = openLog(w.x.dir, w.manifest.Log, w.manifest.LogSize, w.x.readOnly, func(records []byte) error {
		changes, err := parseRecords(records, w.Options)
		pending = append(pending, changes...)
		if bytes += len(records); bytes > groupBytes && err == nil {
			_, err = w.apply(pending)
			pending, bytes = nil, 0
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, err = w.apply(pending); err != nil {
		w.log.close()
	}
	return err
}

func (w *writer) publish() { w.x.views.publish(newView(slices.Clone(w.parts))) }

func (w *writer) serve() {
	defer close(w.x.ended)
	for {
		select {
		case r := <-w.x.changes:
			w.handle(w.gather(r))
		case <-w.x.closing:
			w.x.failure = w.end()
			return
		}
	}
}

// gather takes what else is waiting.
func (w *writer) gather(first *request) []*request {
	group, bytes := []*request{first}, first.size()
	for len(group) < groupRequests && bytes < groupBytes {
		select {
		case r := <-w.x.changes:
			group = append(group, r)
			bytes += r.size()
		default:
			return group
		}
	}
	return group
}

// handle answers a group of requests. One whose change depends on what is there comes after those before it.
func (w *writer) handle(group []*request) {
	for len(group) > 0 {
		n := 1
		for group[0].resolve == nil && n < len(group) && group[n].resolve == nil {
			n++
		}
		w.handleTogether(group[:n])
		group = group[n:]
	}
	if (w.log.size > w.flushAt || w.inMemory() > 2*w.flushAt) && w.log.failed == nil {
		_ = w.tryFlush(w.firstToMerge()) // Info and Close say what is wrong
	}
}

// inMemory is how many bytes the parts have that are in no segment. An update is short in the log, and a whole item here.
func (w *writer) inMemory() (n int64) {
	for i := range w.parts[w.segments:] {
		n += int64(w.parts[w.segments+i].size())
	}
	return n
}

// handleTogether makes changes last, and then seen, and answers.
func (w *writer) handleTogether(group []*request) {
	if r := group[0]; r.resolve != nil {
		c, err := r.resolve(w.parts)
		if err != nil || c.items == nil && !c.counts() {
			r.done <- outcome{err: err}
			return
		}
		r.change = c
	}
	var changes []change
	size := frameHeader
	for _, r := range group {
		if !r.compact {
			changes = append(changes, r.change)
			size += r.size()
		}
	}
	var counts []int
	var err error
	if len(changes) > 0 {
		if err = w.log.append(frameOf(changes, size)); err == nil {
			counts, err = w.apply(changes)
			w.publish()
		}
		w.tell()
	}
	for _, r := range group {
		out := outcome{err: err}
		if r.counts() && err == nil {
			out.items, counts = counts[0], counts[1:]
		}
		if r.compact {
			out.err = w.compact()
		}
		r.done <- out
	}
}

// frameOf returns a frame of changes, of about size bytes, without its head.
func frameOf(changes []change, size int) []byte {
	frame := make([]byte, frameHeader, wholeSectors(int64(size)))
	for i := range changes {
		frame = changes[i].appendTo(frame)
	}
	return frame
}

// apply makes changes in memory and returns, for each that deletes or updates, how many items there were.
func (w *writer) apply(changes []change) (counts []int, err error) {
	for _, c := range joinChanges(changes) {
		if c.ids != nil {
			counts = append(counts, w.bury(c.ids))
			continue
		}
		items, fresh := c.items, (*slab)(nil)
		if c.updated != nil {
			items = c.updated
			if fresh, err = w.updated(items); err != nil {
				return nil, err
			}
			counts = append(counts, len(items))
		} else {
			fresh = newSlab(w.Options, items)
		}
		ids := make([]string, len(items))
		for i := range items {
			ids[i] = items[i].ID
		}
		w.bury(ids)
		w.parts = append(w.parts, part{fresh, &deadSet{}})
		if err := w.tidy(); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// bury marks the rows of identifiers as dead and returns how many there were.
func (w *writer) bury(ids []string) (n int) {
	v := view{parts: w.parts}
	rows := make([][]int, len(w.parts))
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if i, row, ok := v.find(id); ok {
			rows[i] = append(rows[i], row)
			n++
		}
	}
	for i := range rows {
		if len(rows[i]) > 0 {
			w.parts[i].dead = w.parts[i].dead.with(rows[i])
		}
	}
	return n
}

// tidy merges the last slabs in memory until each has over twice as many items as all behind it.
func (w *writer) tidy() error {
	first := w.grown(w.segments, len(w.parts)-1)
	if first == len(w.parts)-1 {
		return nil
	}
	merged, err := mergeInMemory(w.Options, w.parts[first:])
	if err != nil {
		return err
	}
	w.parts = append(w.parts[:first:first], part{merged, &deadSet{}})
	return nil
}

// grown goes back from part i, no further than to least, as long as the part before has at most twice
// as many items as those from i on.
func (w *writer) grown(least, i int) int {
	total := 0
	for j := i; j < len(w.parts); j++ {
		total += w.parts[j].live()
	}
	for i > least && w.parts[i-1].live() <= 2*total {
		i--
		total += w.parts[i].live()
	}
	return i
}

// end closes the files.
func (w *writer) end() error {
	err := w.noteLog()
	w.x.views.publish(nil)
	return errors.Join(w.failure, err, w.log.close(), w.x.unlock())
}

// noteLog has the manifest say how long the log is: then what is missing of it when the index is opened again was not
// cut off by a crash.
func (w *writer) noteLog() error {
	if w.x.readOnly || w.log.failed != nil || w.manifest.LogSize == w.log.size {
		return nil
	}
	next := *w.manifest
	next.LogSize = w.log.size
	if err := w.store(&next, w.x.dir); err != nil {
		return fmt.Errorf("index: write %s: %w", manifestName, err)
	}
	return nil
}
