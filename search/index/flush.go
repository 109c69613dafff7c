package index

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/internal/wholefile"
)

// firstToMerge chooses from which part on all become one segment when the log is emptied: parts that
// are small next to what comes, or half dead, are written anew.
func (w *writer) firstToMerge() int {
	first := w.grown(0, w.segments)
	for i := range w.parts[:first] {
		if 2*w.parts[i].dead.count > w.parts[i].rows {
			return i
		}
	}
	return first
}

// compact makes one segment of everything, unless that is what there is.
func (w *writer) compact() error {
	if w.log.failed != nil {
		return w.log.append(make([]byte, frameHeader)) // says so
	}
	if len(w.parts) == w.segments && len(w.parts) <= 1 && (len(w.parts) == 0 || w.parts[0].dead.count == 0) {
		return nil
	}
	return w.tryFlush(0)
}

// tryFlush is flush, and remembers an error. A log that could not be emptied is tried again when it has doubled.
func (w *writer) tryFlush(first int) error {
	w.failure, w.flushAt = w.flush(first), w.limit
	if w.failure != nil {
		w.flushAt = max(w.limit, 2*w.log.size)
	}
	w.tell()
	return w.failure
}

// tell lets Info say what is wrong.
func (w *writer) tell() {
	var trouble *string
	if err := errors.Join(w.failure, w.log.failed); err != nil {
		text := err.Error()
		trouble = &text
	}
	w.x.trouble.Store(trouble)
}

// flush makes a segment of the parts from first on, and an empty log. What is on disk before the
// manifest is replaced belongs to nobody; what was replaced goes afterwards.
func (w *writer) flush(first int) error {
	next := *w.manifest
	next.Next += 2
	segment, log := segmentName(w.manifest.Next), logName(w.manifest.Next+1)
	parts, err := w.writeSegment(segment, first)
	if err != nil {
		removeFile(w.x.dir, segment)
		return fmt.Errorf("index: write segment: %w", err)
	}
	fail := func(err error) error {
		for i := first; i < len(parts); i++ {
			parts[i].unmap()
		}
		removeFile(w.x.dir, segment)
		removeFile(w.x.dir, log)
		return fmt.Errorf("index: empty log: %w", err)
	}
	if err := createLog(w.x.dir, log); err != nil {
		return fail(err)
	}
	fresh, err := openLog(w.x.dir, log, logHeader, false, func([]byte) error { return nil })
	if err != nil {
		return fail(err)
	}
	next.Log, next.LogSize, next.Segments = log, fresh.size, make([]segmentOfIndex, len(parts))
	for i := range parts {
		next.Segments[i] = segmentOfIndex{parts[i].file, parts[i].dead.marshal()}
	}
	if err := w.store(&next, w.x.dir); err != nil {
		fresh.close()
		err = fmt.Errorf("write %s: %w", manifestName, err)
		if m, failed := readManifest(w.x.dir); failed == nil && m.Next == w.manifest.Next {
			return fail(err)
		}
		// After a crash it may be the old one or the new one: what is written now might not be found again.
		w.log.failed = err
		return fmt.Errorf("index: %w", err)
	}
	w.replace(&next, fresh, parts, first)
	return nil
}

// writeSegment returns the parts as they are with those from first on in a new segment.
func (w *writer) writeSegment(name string, first int) ([]part, error) {
	parts := slices.Clone(w.parts[:first])
	m := newMerge(w.Options, w.parts[first:])
	m.withBits = w.Storage == Bits
	if len(m.places) == 0 {
		return parts, nil
	}
	if len(m.places) > math.MaxInt32 {
		return nil, fmt.Errorf("%d items are more than a segment takes", len(m.places))
	}
	f, err := wholefile.Create(filepath.Join(w.x.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Abort()
	buffered := bufio.NewWriterSize(f, 1<<20)
	if err := m.write(buffered); err != nil {
		return nil, err
	}
	if err := buffered.Flush(); err != nil {
		return nil, err
	}
	if err := f.Commit(); err != nil {
		return nil, err
	}
	slab, err := openSegment(w.x.dir, name, w.Options)
	if err != nil {
		return nil, err
	}
	return append(parts, part{slab, &deadSet{}}), nil
}

// replace goes over to what the new manifest says, and removes the files that it does not name.
func (w *writer) replace(m *manifest, log *changeLog, parts []part, first int) {
	old := w.parts[first:]
	oldLog := w.log
	w.manifest, w.log, w.parts, w.segments = m, log, parts, len(parts)
	w.publish()
	_ = oldLog.close() // all of it is in the segment
	removeFile(w.x.dir, oldLog.name)
	for i := range old {
		if old[i].file != "" {
			removeFile(w.x.dir, old[i].file)
		}
	}
}
