package surface

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Follower reads the films of a run's folder again and again, also while another process trains the run. It sees frames that are whole, and
// of what it has read already it reads nothing again. One goroutine may use it at a time.
type Follower struct {
	Dir  string
	Most int64 // bytes of a file that is read; 0 is any number

	path   string // that the films are of
	info   fs.FileInfo
	films  []Film
	layout Layout // of the film that grows
	at     int64  // behind its last frame
}

// ErrLarge is behind the error about a file of more than Most bytes.
var ErrLarge = errors.New("the surfaces are too large")

// errNoFrame is of a film that has begun to grow.
var errNoFrame = fmt.Errorf("it has no whole frame yet: %w", fs.ErrNotExist)

// Films returns the films as they are now: the one that grows, or else those of the whole file. What it has returned before does not
// change. The error is fs.ErrNotExist where there is none, or no frame yet; any other names the file.
func (f *Follower) Films() ([]Film, error) {
	grown := f.grow()
	err := grown
	if errors.Is(grown, fs.ErrNotExist) {
		err = f.whole()
	}
	if errors.Is(err, fs.ErrNotExist) && errors.Is(grown, errNoFrame) {
		err = grown
	}
	if err != nil {
		f.path = ""
		return nil, err
	}
	return f.films, nil
}

// grow brings the film that grows up to date.
func (f *Follower) grow() error {
	path := filepath.Join(f.Dir, GrowingFile)
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil {
		err = f.fits(info)
	}
	if err == nil && !f.same(path, info) {
		err = f.begin(file, path, info)
	}
	if err == nil {
		err = f.more(file, info.Size())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// fits refuses what is too large.
func (f *Follower) fits(info fs.FileInfo) error {
	if f.Most > 0 && info.Size() > f.Most {
		return fmt.Errorf("%w: %d bytes; at most %d are read", ErrLarge, info.Size(), f.Most)
	}
	return nil
}

// same tells whether a file that grows is the one that was read, longer or not.
func (f *Follower) same(path string, info fs.FileInfo) bool {
	return f.path == path && os.SameFile(f.info, info) && info.Size() >= f.at
}

// begin reads a film's head.
func (f *Follower) begin(file io.ReaderAt, path string, info fs.FileInfo) error {
	film, layout, end, err := readHead(file, info.Size())
	if err != nil {
		return err
	}
	film.Of = layout.Epochs + 1
	f.path, f.info, f.films, f.layout, f.at = path, info, []Film{film}, layout, end
	return nil
}

// more reads the frames that have come.
func (f *Follower) more(file io.ReaderAt, size int64) error {
	film := f.films[0]
	if size > f.at {
		data := make([]byte, size-f.at)
		if n, err := file.ReadAt(data, f.at); err != nil && !errors.Is(err, io.EOF) {
			return err
		} else if n < len(data) {
			data = data[:n]
		}
		frames, used, err := readRecords(data, &film, &f.layout, len(film.Frames))
		if err != nil {
			return err
		}
		film.Frames = append(film.Frames, frames...)
		f.at += int64(used)
		f.films = []Film{film} // another slice: what was returned before stays
	}
	if len(film.Frames) > film.Of {
		return fmt.Errorf("it has %d frames; at most %d are to come", len(film.Frames), film.Of)
	}
	if len(film.Frames) == 0 {
		return errNoFrame
	}
	return nil
}

// whole reads the whole file, where it is another than the one that was read.
func (f *Follower) whole() error {
	path := filepath.Join(f.Dir, File)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if f.path == path && os.SameFile(f.info, info) && f.info.Size() == info.Size() && f.info.ModTime().Equal(info.ModTime()) {
		return nil
	}
	if err := f.fits(info); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	films, err := readWhole(path)
	if err != nil {
		return err
	}
	f.path, f.info, f.films = path, info, films
	return nil
}
