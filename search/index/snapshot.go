package index

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/energo-ml/energo/internal/wholefile"
)

// Snapshot makes a copy of the index in dir, whole and ready to be opened, at to, which must not exist. All that was
// acknowledged before is in it; the index may be open and may change meanwhile, here or in another process. Segments, which
// never change, are hard links where the file system can, and otherwise copies.
//
// The copy is made in a folder .NAME.*.partial beside to, and renamed when it is on disk: after a crash it is there whole or
// not at all, and such a folder may be left to remove. Files of others in dir are not copied, except those that also names and that are there.
func Snapshot(ctx context.Context, dir, to string, also ...string) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fs.ErrExist
		}
		return fmt.Errorf("index: a snapshot must be made at a new place, not at %s: %w", to, err)
	}
	if _, err := readManifest(dir); err != nil {
		return err
	}
	parent, name := filepath.Split(filepath.Clean(to))
	if parent == "" {
		parent = "."
	}
	for try := 1; ; try++ {
		part, err := os.MkdirTemp(parent, "."+name+".*.partial")
		if err != nil {
			return fmt.Errorf("index: %w", err)
		}
		m, err := copyIndex(ctx, dir, part, also)
		if err == nil {
			err = publishSnapshot(part, to, parent)
		}
		if err == nil {
			return nil
		}
		err = errors.Join(err, os.RemoveAll(part))
		if m == nil || ctx.Err() != nil || try == readTries || !writing(dir) && !replaced(dir, m) {
			return err
		}
		time.Sleep(readPause) // a writer was in the way, as in readFiles
	}
}

// copyIndex copies an index's files, and returns the manifest by which it did.
func copyIndex(ctx context.Context, dir, to string, also []string) (*manifest, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	for _, s := range m.Segments {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		if err := linkOrCopy(filepath.Join(dir, s.File), filepath.Join(to, s.File)); err != nil {
			return m, fmt.Errorf("index: snapshot: %w", err)
		}
	}
	for _, name := range also {
		err := copyFile(filepath.Join(dir, name), filepath.Join(to, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return m, fmt.Errorf("index: snapshot: %w", err)
		}
	}
	log, err := wholeFrames(dir, m)
	if err != nil {
		return m, err
	}
	next := *m
	next.LogSize = int64(len(log))
	if err := wholefile.Write(filepath.Join(to, m.Log), log); err != nil {
		return m, fmt.Errorf("index: snapshot: %w", err)
	}
	if err := os.WriteFile(filepath.Join(to, lockName), nil, 0o666); err != nil {
		return m, fmt.Errorf("index: snapshot: %w", err)
	}
	if err := next.write(to); err != nil {
		return m, fmt.Errorf("index: snapshot: %w", err)
	}
	return m, nil
}

// wholeFrames returns the log without a frame at its end that is not whole.
func wholeFrames(dir string, m *manifest) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, m.Log))
	if err != nil {
		return nil, openError(dir, m.Log, err)
	}
	l := &changeLog{name: m.Log}
	if err := l.read(data, m.LogSize, func([]byte) error { return nil }); err != nil {
		return nil, fmt.Errorf("index: %s is damaged: %w", filepath.Join(dir, m.Log), err)
	}
	return data[:l.size], nil
}

// linkOrCopy gives a file that never changes a second name, or a copy where that cannot be.
func linkOrCopy(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return copyFile(from, to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := wholefile.Create(to)
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Commit()
}

// publishSnapshot renames a folder that is whole, and has the disk know of it.
func publishSnapshot(part, to, parent string) error {
	if err := os.Rename(part, to); err != nil {
		return fmt.Errorf("index: snapshot: %w", err)
	}
	f, err := os.Open(parent)
	if err != nil {
		return fmt.Errorf("index: snapshot: it is at %s, but a crash could forget it: %w", to, err)
	}
	_ = f.Sync() // some systems cannot, for folders
	return f.Close()
}
