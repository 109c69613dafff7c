package train

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/energo-ml/energo/ebm/watch"
)

// watched is what a run keeps of Evaluation.Watched, in its folder. It is written before the event of an epoch and before its checkpoint, so that
// what either tells of is there.
type watched struct {
	dir    string // "": nothing is kept
	record watch.Record
}

// openWatched returns the record of a run that begins or, after an epoch, resumes; what a killed run wrote past its checkpoint is dropped.
func openWatched(dir string, resume bool, epoch int) (w watched, err error) {
	w.dir = dir
	if dir == "" || !resume {
		return w, nil
	}
	r, err := watch.Read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist): // none of its epochs was watched
	case err != nil:
		return w, fmt.Errorf("%w; without the file the run resumes, and keeps what comes", err)
	default:
		w.record = *r
		w.record.Until(epoch)
	}
	return w, nil
}

// take keeps what was said after an epoch, if there is something. Of many epochs it takes only those that stay when others follow, and the last one.
func (w *watched) take(epoch int, l *watch.Look, last bool) error {
	if w.dir == "" || l == nil || !last && !watch.Due(epoch) {
		return nil
	}
	err := w.record.Take(epoch, *l)
	if err == nil {
		err = watch.Write(w.dir, &w.record)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(w.dir, watch.File), err)
	}
	return nil
}

// begin keeps what was said before training, unless there is something already.
func (w *watched) begin(l *watch.Look) error {
	if len(w.record.Frames) > 0 {
		return nil
	}
	return w.take(0, l, false)
}
