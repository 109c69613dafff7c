package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/energo-ml/energo/internal/wholefile"
)

// LogFile holds a run's events, one JSON object a line: "type", "time" and the fields
// of the event.
const LogFile = "events.jsonl"

// TypeOf returns the name of an event's type in a log.
func TypeOf(e Event) string {
	switch e.(type) {
	case Start:
		return "start"
	case Extended:
		return "extended"
	case Step:
		return "step"
	case Epoch:
		return "epoch"
	case Diverged:
		return "diverged"
	case Saved:
		return "saved"
	case Done:
		return "done"
	}
	panic(fmt.Sprintf("train: event %T has no name", e))
}

// eventLog appends events to a file, if it has one. Its first error ends it and comes out of close.
type eventLog struct {
	file *os.File
	w    *bufio.Writer
	err  error
}

// openLog starts the log of a run, or continues it after the events up to p: what a
// killed run wrote past its checkpoint happens again, and what a crash cut short is dropped.
// Without a folder nothing is written.
func openLog(dir string, resume bool, p progress) (*eventLog, error) {
	if dir == "" {
		return new(eventLog), nil
	}
	path := filepath.Join(dir, LogFile)
	var kept []byte
	if resume {
		old, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		kept = keep(old, p)
	}
	if err := wholefile.Write(path, kept); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return &eventLog{file: file, w: bufio.NewWriter(file)}, nil
}

// keep returns the lines of events that a run at p has behind it, and those that are damaged, which a report tells of.
// A last line without its end, and zeros, which were never written, are no damage.
func keep(old []byte, p progress) []byte {
	var kept []byte
	for line := range bytes.Lines(old) {
		var e struct {
			Type  string
			Step  int
			Epoch int
		}
		if !bytes.HasSuffix(line, []byte("\n")) || bytes.IndexByte(line, 0) >= 0 {
			continue
		}
		damaged := json.Unmarshal(line, &e) != nil
		if !damaged && (e.Step > p.Step && e.Type != "start" || e.Type == "epoch" && e.Epoch > p.Epoch) {
			continue
		}
		kept = append(kept, line...)
	}
	return kept
}

func (l *eventLog) write(e Event) {
	if l.err != nil || l.file == nil {
		return
	}
	body, err := json.Marshal(e)
	if err == nil {
		_, err = fmt.Fprintf(l.w, "{\"type\":%q,\"time\":%q,%s\n", TypeOf(e), time.Now().UTC().Format(time.RFC3339Nano), body[1:])
	}
	if _, step := e.(Step); err == nil && !step {
		err = l.w.Flush()
	}
	l.err = err
}

// sync puts what was written on disk.
func (l *eventLog) sync() error {
	if l.err == nil {
		l.err = errors.Join(l.w.Flush(), l.file.Sync())
	}
	if l.err != nil {
		return fmt.Errorf("%s: %w", LogFile, l.err)
	}
	return nil
}

// close may be called again.
func (l *eventLog) close() error {
	if l.file == nil {
		return l.err
	}
	l.err = errors.Join(l.err, l.w.Flush(), l.file.Close())
	l.file = nil
	if l.err != nil {
		return fmt.Errorf("%s: %w", LogFile, l.err)
	}
	return nil
}
