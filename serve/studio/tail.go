package studio

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/energo-ml/energo/serve/wire"
	"github.com/energo-ml/energo/train"
)

// lineMost bounds the bytes of an event; a longer line is passed over.
const lineMost = 1 << 20

// place is where one is in a log that another process writes: behind a whole line. A run that is resumed cuts its log and writes other lines
// there, which Sum, that of the bytes before, tells.
type place struct {
	at  int64
	sum uint32
}

// placeSpan is how many bytes before a place its sum is of: an event's time is among them.
const placeSpan = 256

// placeAt is the place at an offset.
func placeAt(f io.ReaderAt, at int64) (place, error) {
	before := make([]byte, min(placeSpan, at))
	if _, err := f.ReadAt(before, at-int64(len(before))); err != nil {
		return place{}, err
	}
	return place{at, crc32.ChecksumIEEE(before)}, nil
}

// holds tells whether a log is still the same up to the place.
func (p place) holds(f io.ReaderAt) bool {
	now, err := placeAt(f, p.at)
	return err == nil && now == p
}

// String is the place as the identifier of an event; parsePlace reads it.
func (p place) String() string { return fmt.Sprintf("%d-%08x", p.at, p.sum) }

func parsePlace(text string) (p place, err error) {
	at, sum, _ := strings.Cut(text, "-")
	if len(at) > 18 || len(sum) != 8 {
		return p, fmt.Errorf("%.40q is no place", text)
	}
	if _, err = fmt.Sscanf(text, "%d-%x", &p.at, &p.sum); err == nil && (p.at < 0 || p.String() != text) {
		err = fmt.Errorf("%.40q is no place", text)
	}
	return p, err
}

// lines reads whole lines from an offset, at most about most bytes of them, and returns where the last ends. A line that has no end yet is
// left for later.
func lines(f io.ReaderAt, at, most int64, take func(line []byte, end int64) error) (int64, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, at, 1<<62), 64<<10)
	var line []byte
	long := false
	for from := at; at-from < most; {
		part, err := r.ReadSlice('\n')
		if long = long || len(line)+len(part) > lineMost; !long {
			line = append(line, part...)
		}
		at += int64(len(part))
		switch {
		case err == nil:
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return at - int64(len(part)) - int64(len(line)-len(part)), nil
		default:
			return from, err
		}
		if !long {
			if err := take(bytes.TrimSpace(line), at); err != nil {
				return at, err
			}
		}
		line, long = line[:0], false
	}
	return at, nil
}

// follower sends the lines of a log as they come.
type follower struct {
	path string
	at   place
	send func(name, id string, data []byte) error
}

// followEvery is how often a log is looked at.
const followEvery = 250 * time.Millisecond

// followBatch is how many bytes are read before a client that has gone is noticed.
const followBatch = 256 << 10

// follow sends until the context ends.
func (f *follower) follow(ctx context.Context) error {
	every := time.NewTicker(followEvery)
	defer every.Stop()
	for {
		more, err := f.look()
		if err != nil || ctx.Err() != nil {
			return err
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// look sends what has come. more says that there may be more at once. A log that is not there has nothing.
func (f *follower) look() (more bool, err error) {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	if !f.at.holds(file) {
		f.at = place{}
		if err := f.send("reset", f.at.String(), []byte("{}")); err != nil {
			return false, err
		}
	}
	end, err := lines(file, f.at.at, followBatch, func(line []byte, end int64) error {
		if !json.Valid(line) {
			return nil
		}
		p, err := placeAt(file, end)
		if err == nil {
			err = f.send("", p.String(), line)
		}
		return err
	})
	if err != nil || end == f.at.at {
		return false, err
	}
	more = end-f.at.at >= followBatch
	f.at, err = placeAt(file, end)
	return more, err
}

// events sends the events of a run, and those to come.
func (s *service) events(w http.ResponseWriter, r *http.Request) error {
	dir, err := s.dir(r.PathValue("name"))
	if err != nil {
		return err
	}
	params, err := wire.Params(r)
	if err == nil {
		err = wire.Known(params, []string{"from"}, nil)
	}
	if err != nil {
		return err
	}
	f := follower{path: filepath.Join(dir, train.LogFile)}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if f.at, err = parsePlace(last); err != nil {
			return wire.Malformed("Last-Event-ID", "Last-Event-ID: %v", err)
		}
	} else if f.at, err = placeFrom(f.path, params.Get("from")); err != nil {
		return err
	}
	e := s.Events(w, r)
	defer e.Close()
	f.send = e.Send
	if err := f.follow(r.Context()); err != nil && r.Context().Err() == nil {
		return s.lost(err)
	}
	return nil
}

// lost is the end of a stream that cannot be continued: the answer has begun, so that a problem cannot be told any more. A client that has
// gone is no fault.
func (s *service) lost(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		s.Log().Warn("a stream ended", "error", err)
	}
	panic(http.ErrAbortHandler)
}

// placeFrom is where the events begin that a client asks for: "start", or "", or "end".
func placeFrom(path, from string) (place, error) {
	switch from {
	case "", "start":
		return place{}, nil
	case "end":
	default:
		return place{}, wire.Invalid("from", "from is %.40q; want start or end", from)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return place{}, nil
	}
	if err != nil {
		return place{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return place{}, err
	}
	// From within the last lines, so that one which is being written is sent when it is whole.
	tail := make([]byte, min(lineMost, info.Size()))
	at := info.Size() - int64(len(tail))
	if _, err := f.ReadAt(tail, at); err != nil && !errors.Is(err, io.EOF) {
		return place{}, err
	}
	return placeAt(f, at+int64(bytes.LastIndexByte(tail, '\n')+1))
}
